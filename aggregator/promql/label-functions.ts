import { compareLabels, compareText, labelValue } from "../../shared/model/labels.ts";
import { checkLabelName } from "../query/aggregate-steps.ts";
import { withText } from "../query/label-functions.ts";
import { mergeEqual, type StepSeries } from "../query/step-series.ts";
import type { CallExpr } from "./ast.ts";

/** label_join: `texts` are the target, the separator and the source labels. */
export function labelJoin(
  expr: CallExpr,
  series: readonly StepSeries[],
  texts: readonly string[],
): StepSeries[] {
  const [target = "", separator = "", ...sources] = texts;
  for (const name of [target, ...sources]) checkLabelName(name, expr.place);
  const joined = series.map((one) =>
    withText(one, target, sources.map((name) => labelValue(one.labels, name)).join(separator)),
  );
  return mergeEqual(joined, expr.place);
}

/** By the labels named, numbers within them by their size, then by all labels. */
export function sortByLabels(
  series: readonly StepSeries[],
  names: readonly string[],
  sign: number,
): StepSeries[] {
  return [...series].sort((a, b) => {
    for (const name of names) {
      const order = compareNatural(labelValue(a.labels, name), labelValue(b.labels, name));
      if (order !== 0) return order * sign;
    }
    return compareLabels(a.labels, b.labels) * sign;
  });
}

function compareNatural(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const order = comparePart(left[i] ?? "", right[i] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function comparePart(a: string, b: string): number {
  if (!/^\d/.test(a) || !/^\d/.test(b)) return compareText(a, b);
  const [left, right] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  return left.length - right.length || compareText(left, right) || a.length - b.length;
}
