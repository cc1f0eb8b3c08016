import { isComparison } from "../query/operators.ts";
import { isScalar, type MetricExpr } from "./ast.ts";

/** What aggregator/promql/measured.ts does for PromQL: the expression without its comparison. */
export function measuredOf(expr: MetricExpr): MetricExpr {
  if (expr.kind !== "binary") return expr;
  if (expr.op === "and" || expr.op === "unless") return measuredOf(expr.left);
  if (!isComparison(expr.op) || expr.isBool || isScalar(expr)) return expr;
  return measuredOf(isScalar(expr.left) ? expr.right : expr.left);
}
