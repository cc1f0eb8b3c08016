import { childrenOf, type Expr } from "./ast.ts";
import { isTimeDependent } from "./functions.ts";

/**
 * Tells whether an expression has the same value at every step, because all its selectors stand
 * still behind an @. Such an expression is evaluated once. Answers are kept, for the tree is asked
 * at every level.
 */
export class Invariance {
  readonly #known = new WeakMap<Expr, boolean>();

  holdsFor(expr: Expr): boolean {
    let known = this.#known.get(expr);
    if (known === undefined) {
      known = this.#compute(expr);
      this.#known.set(expr, known);
    }
    return known;
  }

  #compute(expr: Expr): boolean {
    switch (expr.kind) {
      case "number":
      case "string":
        return true;
      case "selector":
      case "subquery":
        return expr.at !== null;
      case "call":
        return !isTimeDependent(expr.name) && expr.args.every((arg) => this.holdsFor(arg));
      default:
        return childrenOf(expr).every((child) => this.holdsFor(child));
    }
  }
}
