import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { childrenOf, type Expr } from "./ast.ts";
import { TIME_DEPENDENT } from "./functions.ts";

/**
 * Tells whether an expression has the same value at every step, because all its selectors stand
 * still behind an @. Such an expression is evaluated once. Answers are kept, for the tree is asked
 * at every level.
 */
export function invariance(): (expr: Expr) => boolean {
  const known = new Map<Expr, boolean>();
  const isInvariant = (expr: Expr): boolean => getOrInsert(known, expr, () => compute(expr));
  const compute = (expr: Expr): boolean => {
    switch (expr.kind) {
      case "number":
      case "string":
        return true;
      case "selector":
      case "subquery":
        return expr.at !== null;
      case "call":
        return !TIME_DEPENDENT.has(expr.name) && expr.args.every(isInvariant);
      default:
        return childrenOf(expr).every(isInvariant);
    }
  };
  return isInvariant;
}
