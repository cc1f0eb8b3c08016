import type { SeriesColumns } from "../../shared/model/columns.ts";
import {
  dropLabels,
  type Labels,
  labelsKey,
  METRIC_NAME,
  NO_LABELS,
} from "../../shared/model/labels.ts";
import type { Meter } from "./meter.ts";
import { queryError } from "./query-error.ts";

/**
 * One series over all steps of a grid. `present[i]` is 1 where there is an element at step i; what
 * `values[i]` holds elsewhere means nothing. Whoever gets a series may write to its columns.
 * `dropsName`: the metric name has lost its meaning and goes at the end of the query. Until then it
 * stays, so that label_replace and `by (__name__)` still see it (delayed name removal).
 */
export type StepSeries = {
  readonly labels: Labels;
  readonly dropsName: boolean;
  readonly values: Float64Array;
  readonly present: Uint8Array;
};

/** What an expression without a range has as its value; `scalar` has one number a step. */
export type Value =
  | { readonly kind: "scalar"; readonly values: Float64Array }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "vector"; readonly series: StepSeries[] };

export function emptySeries(labels: Labels, dropsName: boolean, steps: number): StepSeries {
  return { labels, dropsName, values: new Float64Array(steps), present: new Uint8Array(steps) };
}

export function vectorOf(series: StepSeries[]): Value {
  return { kind: "vector", series };
}

/** One series without labels that has an element at every step. */
export function seriesOfValues(values: Float64Array): StepSeries {
  const present = new Uint8Array(values.length).fill(1);
  return { labels: NO_LABELS, dropsName: false, values, present };
}

export function hasSample(series: StepSeries): boolean {
  return series.present.includes(1);
}

/**
 * The elements there are, with the times of their steps; `times` has those of all steps. A series
 * that has them all gives its own column of values.
 */
export function heldColumns(
  { labels, values, present }: StepSeries,
  times: Float64Array,
): SeriesColumns {
  let held = 0;
  for (let i = 0; i < present.length; i += 1) held += present[i] ?? 0;
  if (held === present.length) return { labels, times, values };
  const columns = { labels, times: new Float64Array(held), values: new Float64Array(held) };
  let next = 0;
  for (let i = 0; i < present.length; i += 1) {
    if (present[i] !== 1) continue;
    columns.times[next] = times[i] ?? 0;
    columns.values[next] = values[i] ?? 0;
    next += 1;
  }
  return columns;
}

/** Labels that say what kind of value a metric holds: they go when the value becomes another. */
const METADATA: ReadonlySet<string> = new Set([METRIC_NAME, "__type__", "__unit__"]);

export function withoutMetadata(labels: Labels): Labels {
  return dropLabels(labels, METADATA);
}

/**
 * Joins series with equal labels into one.
 * @throws OperationalError QUERY when two of them have an element at the same step
 */
export function mergeEqual(series: readonly StepSeries[], place: string): StepSeries[] {
  const merged = new Map<string, StepSeries>();
  for (const one of series) addMerged(merged, one, place);
  return [...merged.values()];
}

function addMerged(merged: Map<string, StepSeries>, one: StepSeries, place: string): void {
  const key = `${one.dropsName ? "-" : "+"}${labelsKey(one.labels)}`;
  const other = merged.get(key);
  if (other === undefined) merged.set(key, one);
  else mergeInto(other, one, place);
}

function mergeInto(target: StepSeries, from: StepSeries, place: string): void {
  for (let i = 0; i < from.present.length; i += 1) {
    if (from.present[i] !== 1) continue;
    if (target.present[i] === 1) {
      throw queryError(place, "the result would hold two elements with the same labels");
    }
    target.present[i] = 1;
    target.values[i] = from.values[i] ?? 0;
  }
}

/** Units of work that the labels of one series are. */
const LABELS_WORK = 200;

/** The end of a query: names that lost their meaning go, equal series become one. */
export async function removeNames(
  series: readonly StepSeries[],
  place: string,
  meter: Meter,
): Promise<StepSeries[]> {
  const merged = new Map<string, StepSeries>();
  for (const one of series) {
    const { labels, values, present } = one;
    const named = one.dropsName
      ? { labels: withoutMetadata(labels), dropsName: false, values, present }
      : one;
    addMerged(merged, named, place);
    if (meter.work(LABELS_WORK)) await meter.rest();
  }
  return [...merged.values()];
}
