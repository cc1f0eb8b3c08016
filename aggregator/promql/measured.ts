/**
 * What a rule looks at, as a graph of it shows: the expression without the comparison that decides,
 * and of one alert's label alone where nothing else has a part in its elements.
 */
import type { Matcher } from "../../shared/model/columns.ts";
import { isComparison } from "../query/operators.ts";
import { type AggregateExpr, type BinaryExpr, childrenOf, type Expr } from "./ast.ts";
import { exprType } from "./check.ts";

/** Elements have the labels that those of `expr` have, and are there also where it is false. */
export function measuredOf(expr: Expr): Expr {
  if (expr.kind === "paren") return measuredOf(expr.expr);
  if (expr.kind !== "binary") return expr;
  if (expr.op === "and" || expr.op === "unless") return measuredOf(expr.left);
  if (!isComparison(expr.op) || expr.isBool || exprType(expr) === "scalar") return expr;
  return measuredOf(exprType(expr.left) === "scalar" ? expr.right : expr.left);
}

/**
 * The same elements, of those that have the label with this value; the others only where they have a
 * part in them, so that a rule over all nodes reads one of them.
 */
export function narrowedTo(expr: Expr, name: string, value: string): Expr {
  return passes(expr, name) ? withMatcher(expr, { name, type: "=", value }) : expr;
}

/** Their elements have labels of their own, or none. */
const RELABELS = new Set(
  "absent absent_over_time label_join label_replace scalar vector".split(" "),
);

/** Every element has the label of all series that it is made of. */
function passes(expr: Expr, name: string): boolean {
  if (expr.kind === "aggregate" && !groupsBy(expr, name)) return false;
  if (expr.kind === "binary" && !matchesBy(expr, name)) return false;
  if (expr.kind === "call" && RELABELS.has(expr.name)) return false;
  return childrenOf(expr).every((one) => passes(one, name));
}

function groupsBy({ grouping, labels }: AggregateExpr, name: string): boolean {
  return labels.includes(name) === (grouping === "by");
}

function matchesBy({ left, right, matching }: BinaryExpr, name: string): boolean {
  if (exprType(left) === "scalar" || exprType(right) === "scalar") return true;
  return matching.labels.includes(name) === matching.isOn;
}

function withMatcher(expr: Expr, matcher: Matcher): Expr {
  const inner = <E extends Expr>(one: E) => withMatcher(one, matcher) as E;
  switch (expr.kind) {
    case "number":
    case "string":
      return expr;
    case "selector":
      return { ...expr, matchers: [...expr.matchers, matcher] };
    case "matrix":
      return { ...expr, selector: inner(expr.selector) };
    case "call":
      return { ...expr, args: expr.args.map(inner) };
    case "binary":
      return { ...expr, left: inner(expr.left), right: inner(expr.right) };
    case "aggregate":
    case "subquery":
    case "unary":
    case "paren":
      return { ...expr, expr: inner(expr.expr) };
  }
}
