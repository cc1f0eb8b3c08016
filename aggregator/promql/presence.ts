/**
 * Silence is not recovery: when an alert's element is gone from its expression's result, either its
 * condition is false or its data is missing. The presence of an expression tells the two apart: it
 * has an element with the same labels (but for the metric name) wherever the data is there that the
 * condition is judged by, be it true or false. Its values mean nothing.
 *
 * An element may vanish in these ways, and this is what becomes of each:
 *
 *   vector > scalar     the vector side's presence; if the scalar side reads series by scalar(v),
 *                       only where v's presence has an element: NaN compares as false
 *   vector > vector     the same matching, always true (`matched`), between both presences
 *   a and b             presence(a) and presence(b)
 *   a unless b          presence(a): whether b is there is the condition itself
 *   a or b              presence(a) or presence(b)
 *   topk, bottomk,      presence of their vector: who leaves the best is still there
 *     limitk
 *   absent(x),          always there, with the labels absent() would give: that it is empty means
 *     absent_over_time    that x is there
 *   vector(scalar(v))   only where v's presence has an element
 *
 * Everything else (selectors, arithmetic, `bool` comparisons, functions, aggregations, subqueries)
 * stays and has its parts replaced: `count(x > 5) > 0` becomes `count(x)`. An element of
 * count_values whose value no longer occurs counts as missing data.
 */
import { labelPairs } from "../../shared/model/labels.ts";
import { isComparison, PLAIN_MATCHING } from "../query/operators.ts";
import { type BinaryExpr, type CallExpr, childrenOf, type Expr } from "./ast.ts";
import { absentLabels } from "./call.ts";
import { exprType } from "./check.ts";

/** The expression whose elements say that the data behind those of `expr` is there. */
export function presenceOf(expr: Expr): Expr {
  switch (expr.kind) {
    case "number":
    case "string":
    case "selector":
    case "matrix":
      return expr;
    case "subquery":
    case "unary":
    case "paren":
      return { ...expr, expr: presenceOf(expr.expr) };
    case "aggregate":
      if (expr.op === "topk" || expr.op === "bottomk" || expr.op === "limitk") {
        return presenceOf(expr.expr);
      }
      return { ...expr, expr: presenceOf(expr.expr) };
    case "call":
      return presenceOfCall(expr);
    case "binary":
      return presenceOfBinary(expr);
  }
}

function presenceOfCall(expr: CallExpr): Expr {
  if (expr.name === "absent" || expr.name === "absent_over_time") return absentPresence(expr);
  const present: Expr = { ...expr, args: expr.args.map(presenceOf) };
  return expr.name === "vector" ? whereScalarsAre(present, scalarReads(expr)) : present;
}

function presenceOfBinary(expr: BinaryExpr): Expr {
  if (expr.op === "unless") return presenceOf(expr.left);
  const isFilter = isComparison(expr.op) && !expr.isBool && exprType(expr) === "vector";
  const left = presenceOf(expr.left);
  const right = presenceOf(expr.right);
  if (!isFilter) return { ...expr, left, right };
  if (exprType(expr.right) === "scalar") return whereScalarsAre(left, scalarReads(expr.right));
  if (exprType(expr.left) === "scalar") return whereScalarsAre(right, scalarReads(expr.left));
  return { ...expr, op: "matched", left, right };
}

/** The vectors that scalar() turns into numbers within an expression. */
function scalarReads(expr: Expr): Expr[] {
  if (expr.kind === "call" && expr.name === "scalar") return [...expr.args];
  return childrenOf(expr).flatMap(scalarReads);
}

/** `expr and on () presence(read)` for each of the reads. */
function whereScalarsAre(expr: Expr, reads: readonly Expr[]): Expr {
  const { place } = expr;
  let result = expr;
  for (const read of reads) {
    const left: Expr = result.kind === "binary" ? { kind: "paren", expr: result, place } : result;
    const right: Expr = { kind: "paren", expr: presenceOf(read), place };
    const matching = { ...PLAIN_MATCHING, isOn: true, many: "both" } as const;
    result = { kind: "binary", op: "and", left, right, isBool: false, matching, place };
  }
  return result;
}

/** `vector(1)`, with each label put on by a label_replace whose pattern always matches. */
function absentPresence(expr: CallExpr): Expr {
  const { place } = expr;
  const textOf = (text: string): Expr => ({ kind: "string", text, place });
  const one: Expr = { kind: "number", value: 1, isDuration: false, place };
  let result: Expr = { kind: "call", name: "vector", args: [one], place };
  const [arg] = expr.args;
  for (const [name, value] of arg === undefined ? [] : labelPairs(absentLabels(arg))) {
    const texts = [name, value.replaceAll("$", "$$$$"), "", ""].map(textOf);
    result = { kind: "call", name: "label_replace", args: [result, ...texts], place };
  }
  return result;
}
