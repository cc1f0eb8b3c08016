import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { decimalText, formatG } from "../../shared/model/go-number.ts";
import { type Labels, labelsKey, METRIC_NAME, withLabel } from "../../shared/model/labels.ts";
import {
  type AggregateRun,
  type Aggregation,
  type Group,
  groupSeries,
  stepValues,
} from "./aggregate.ts";
import { queryError } from "./query-error.ts";
import type { Remarks } from "./result.ts";
import { emptySeries, hasSample, type StepSeries } from "./step-series.ts";
import { quantileOf } from "./sums.ts";

/** quantile: `q` has one number a step; `place` is where it is written. */
export async function aggregateQuantile(
  { expr, series, steps, meter }: AggregateRun,
  q: Float64Array,
  place: string,
  remarks: Remarks,
): Promise<StepSeries[]> {
  warnOfQuantiles(q, place, remarks);
  const results: StepSeries[] = [];
  for (const group of await groupSeries(expr, series, meter)) {
    meter.hold(steps);
    const out = emptySeries(group.labels, group.dropsName, steps);
    for (let i = 0; i < steps; i += 1) {
      const column = stepValues(group.members, i);
      if (column.length > 0) {
        out.values[i] = quantileOf(q[i] ?? Number.NaN, column, column.length);
        out.present[i] = 1;
      }
      if (meter.work(group.members.length)) await meter.rest();
    }
    results.push(out);
  }
  return results;
}

export function warnOfQuantiles(q: Float64Array, place: string, remarks: Remarks): void {
  const wrong = new Set<number>();
  if (q.some(Number.isNaN)) wrong.add(Number.NaN);
  for (const value of [Math.max(...q), Math.min(...q)])
    if (value < 0 || value > 1) wrong.add(value);
  for (const value of wrong) {
    const text = `quantile value should be between 0 and 1, got ${formatG(value, null)}`;
    remarks.warn(place, text);
  }
}

/**
 * topk, bottomk, limitk: the elements themselves, `k` of each group (a number a step). Series come
 * in the order their elements take at the last step: best first.
 */
export async function aggregateSome(
  { expr, series, steps, meter }: AggregateRun,
  k: Float64Array,
): Promise<StepSeries[]> {
  checkCounts(k, expr);
  const order: StepSeries[] = [];
  for (const group of await groupSeries(expr, series, meter)) {
    let ranked: StepSeries[] = [];
    for (let i = 0; i < steps; i += 1) {
      ranked = rankStep(expr.op, group, i);
      const kept = Math.max(0, Math.trunc(k[i] ?? 0));
      for (const dropped of ranked.slice(kept)) dropped.present[i] = 0;
      if (meter.work(group.members.length * 4)) await meter.rest();
    }
    order.push(...new Set([...ranked, ...group.members]));
  }
  return order.filter(hasSample);
}

function checkCounts(k: Float64Array, expr: Aggregation): void {
  const wrong = k.find((value) => !(Math.abs(value) < 2 ** 63));
  if (wrong === undefined) return;
  throw queryError(expr.place, `the parameter of ${expr.op} is ${decimalText(wrong)}`);
}

/** The members with an element at the step; best first, NaN last; for limitk as they come. */
function rankStep(op: Aggregation["op"], group: Group, step: number): StepSeries[] {
  const there = group.members.filter(({ present }) => present[step] === 1);
  if (op === "limitk") return there;
  const sign = op === "topk" ? -1 : 1;
  return there.sort((a, b) => compareNanLast(a.values[step] ?? 0, b.values[step] ?? 0, sign));
}

/** Ascending for sign 1, descending for -1; NaN is last either way. */
export function compareNanLast(a: number, b: number, sign: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  if (a === b) return 0;
  return a < b ? -sign : sign;
}

/** @throws OperationalError QUERY */
export function checkLabelName(name: string, place: string): void {
  if (name !== "" && !name.includes("\ufffd")) return;
  throw queryError(place, `not a label name: "${name}"`);
}

/** count_values: one element for each value, which becomes the label `name`. */
export async function aggregateValues(
  { expr, series, steps, meter }: AggregateRun,
  name: string,
): Promise<StepSeries[]> {
  checkLabelName(name, expr.place);
  const results = new Map<string, StepSeries>();
  // `without` takes the label away again, so that elements of all values are counted together.
  const isKept = expr.grouping === "by" || !expr.labels.includes(name);
  const labelsFor = (labels: Labels, value: number) =>
    isKept ? withLabel(labels, name, decimalText(value)) : labels;
  for (const group of await groupSeries(expr, series, meter)) {
    // A name that this very aggregation writes is a new one.
    const dropsName = group.dropsName && name !== METRIC_NAME;
    for (const { values, present } of group.members) {
      for (let i = 0; i < steps; i += 1) {
        if (present[i] !== 1) continue;
        const labels = labelsFor(group.labels, values[i] ?? 0);
        const out = getOrInsert(results, labelsKey(labels), () => {
          meter.hold(steps);
          return emptySeries(labels, dropsName, steps);
        });
        out.values[i] = (out.values[i] ?? 0) + 1;
        out.present[i] = 1;
      }
      if (meter.work(steps * 8)) await meter.rest();
    }
  }
  return [...results.values()];
}
