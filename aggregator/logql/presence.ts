/**
 * What aggregator/promql/presence.ts does for PromQL, for rules on lines with `no_data: keep` or
 * `fire`: an expression that has an element with the same labels wherever there are lines to judge
 * by, be the condition true or false. Its values mean nothing.
 *
 *   {…} |= "x" | a > 5        the stream's lines without these conditions; those that cannot be
 *                             parsed are left out
 *   vector > number           the vector's presence
 *   vector > vector           the same matching, always true, between both presences
 *   a unless b                presence(a)
 *   topk, bottomk             presence of their vector
 *   absent_over_time          always there: that it has no element means that there are lines
 *
 * Everything else stays and has its parts replaced.
 */
import { labelPairs } from "../../shared/model/labels.ts";
import { fixedLabels } from "../query/fixed-labels.ts";
import { isComparison } from "../query/operators.ts";
import { type BinaryExpr, isScalar, type MetricExpr, type RangeExpr, type Stage } from "./ast.ts";
import { ERROR_LABEL } from "./line-labels.ts";

/** The expression whose elements say that the lines behind those of `expr` are there. */
export function presenceOf(expr: MetricExpr): MetricExpr {
  switch (expr.kind) {
    case "number":
    case "vector":
      return expr;
    case "range":
      return expr.op === "absent_over_time" ? absentPresence(expr) : presenceOfRange(expr);
    case "aggregate":
      if (expr.op === "topk" || expr.op === "bottomk") return presenceOf(expr.expr);
      return { ...expr, expr: presenceOf(expr.expr) };
    case "sort":
    case "label_replace":
      return { ...expr, expr: presenceOf(expr.expr) };
    case "binary":
      return presenceOfBinary(expr);
  }
}

function presenceOfRange(expr: RangeExpr): MetricExpr {
  const { place, logs, unwrap } = expr;
  const stages = logs.stages.filter(
    ({ kind }) => kind !== "line-filter" && kind !== "label-filter",
  );
  const matcher = { name: ERROR_LABEL, type: "=", value: "" } as const;
  const isRead: Stage = { kind: "label-filter", filter: { kind: "text", matcher }, place };
  if (stages.length > 0) stages.push(isRead);
  const values = unwrap === null ? null : { ...unwrap, filters: [isRead] };
  return { ...expr, logs: { ...logs, stages }, unwrap: values };
}

function presenceOfBinary(expr: BinaryExpr): MetricExpr {
  if (expr.op === "unless") return presenceOf(expr.left);
  const left = presenceOf(expr.left);
  const right = presenceOf(expr.right);
  if (!isComparison(expr.op) || expr.isBool || isScalar(expr)) return { ...expr, left, right };
  if (isScalar(expr.right)) return left;
  if (isScalar(expr.left)) return right;
  return { ...expr, op: "matched", left, right };
}

/** `vector(1)`, with each label put on by a label_replace whose pattern always matches. */
function absentPresence({ logs, place }: RangeExpr): MetricExpr {
  let result: MetricExpr = { kind: "vector", value: 1, place };
  for (const [name, value] of labelPairs(fixedLabels(logs.matchers))) {
    const texts = [name, value.replaceAll("$", "$$$$"), "", ""];
    result = { kind: "label_replace", expr: result, texts, place };
  }
  return result;
}
