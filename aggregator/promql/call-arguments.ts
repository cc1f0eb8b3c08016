import type { Grid } from "../query/grid.ts";
import { queryError } from "../query/query-error.ts";
import { type CallExpr, type Expr, withoutParens } from "./ast.ts";
import { exprType } from "./check.ts";
import type { Run } from "./context.ts";

export function argument(expr: CallExpr, index: number): Expr {
  const arg = expr.args[index];
  if (arg === undefined) throw queryError(expr.place, `argument ${index + 1} is missing`);
  return arg;
}

/** All string arguments, in order. */
export function textArguments(expr: CallExpr): string[] {
  const args = expr.args.map(withoutParens);
  return args.flatMap((arg) => (arg.kind === "string" ? [arg.text] : []));
}

/** All scalar arguments, in order; one number a step each. */
export async function scalarArguments(
  run: Run,
  expr: CallExpr,
  grid: Grid,
): Promise<Float64Array[]> {
  const columns: Float64Array[] = [];
  for (const arg of expr.args) {
    if (exprType(arg) === "scalar") columns.push(await run.scalar(arg, grid));
  }
  return columns;
}
