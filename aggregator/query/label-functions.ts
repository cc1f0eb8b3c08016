import { labelValue, METRIC_NAME, withLabel } from "../../shared/model/labels.ts";
import { compilePattern, expandReplacement } from "../matching/pattern.ts";
import { checkLabelName, compareNanLast } from "./aggregate-steps.ts";
import { atPlace } from "./query-error.ts";
import { mergeEqual, type StepSeries } from "./step-series.ts";

/**
 * label_replace: where the whole value of a label matches the pattern, another one is written from
 * it. `texts`: target, replacement, source, pattern.
 */
export function labelReplace(
  place: string,
  series: readonly StepSeries[],
  texts: readonly string[],
): StepSeries[] {
  const [target = "", replacement = "", source = "", pattern = ""] = texts;
  const compiled = atPlace(place, () => compilePattern(pattern));
  checkLabelName(target, place);
  const replaced = series.map((one) => {
    const matcher = compiled.matcher(labelValue(one.labels, source));
    if (!matcher.matches()) return one;
    return withText(one, target, expandReplacement(replacement, matcher));
  });
  return mergeEqual(replaced, place);
}

/** A metric name that a function writes is meant to stay. */
export function withText(one: StepSeries, name: string, value: string): StepSeries {
  const dropsName = one.dropsName && name !== METRIC_NAME;
  return { ...one, labels: withLabel(one.labels, name, value), dropsName };
}

/** By the value at the first step, NaN last. `sign` 1: ascending, -1: descending. */
export function sortByValue(series: readonly StepSeries[], sign: number): StepSeries[] {
  return [...series].sort((a, b) => compareNanLast(a.values[0] ?? 0, b.values[0] ?? 0, sign));
}
