import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import {
  dropLabels,
  keepLabels,
  type Labels,
  labelsKey,
  METRIC_NAME,
} from "../../shared/model/labels.ts";
import type { Meter } from "./meter.ts";
import { emptySeries, hasSample, type StepSeries } from "./step-series.ts";
import { meanOf, varianceOf } from "./sums.ts";

const OPS = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"] as const;
const OPS_WITH_PARAMETER = [
  "topk",
  "bottomk",
  "limitk",
  "limit_ratio",
  "quantile",
  "count_values",
] as const;

type AggregateOp = (typeof OPS | typeof OPS_WITH_PARAMETER)[number];

export function aggregateOp(name: string): AggregateOp | undefined {
  return [...OPS, ...OPS_WITH_PARAMETER].find((op) => op === name);
}

export function hasParameter(op: AggregateOp): boolean {
  return OPS_WITH_PARAMETER.some((other) => other === op);
}

/** `place`: where it stands in the query, for messages. */
export type Aggregation = {
  readonly op: AggregateOp;
  readonly grouping: "by" | "without"; // where neither is written: by no labels
  readonly labels: readonly string[];
  readonly place: string;
};

export type AggregateRun = {
  readonly expr: Aggregation;
  readonly series: readonly StepSeries[];
  readonly steps: number;
  readonly meter: Meter;
};

/** Units of work that finding the group of a series is. */
const GROUPING_WORK = 200;

/** Series that are aggregated into one; `dropsName` when it does for any of them. */
export type Group = {
  readonly labels: Labels;
  dropsName: boolean;
  readonly members: StepSeries[];
};

export async function groupSeries(
  of: Aggregation,
  series: readonly StepSeries[],
  meter: Meter,
): Promise<Group[]> {
  const labelsOf = groupLabels(of);
  const groups = new Map<string, Group>();
  for (const one of series) {
    const labels = labelsOf(one.labels);
    const key = labelsKey(labels);
    const group = getOrInsert(groups, key, () => ({ labels, dropsName: false, members: [] }));
    if (one.dropsName) group.dropsName = true;
    group.members.push(one);
    if (meter.work(GROUPING_WORK)) await meter.rest();
  }
  return [...groups.values()];
}

/** The labels of the group that a series is in. */
function groupLabels(of: Aggregation): (labels: Labels) => Labels {
  const names = new Set(of.labels);
  if (of.grouping === "by") return (labels) => keepLabels(labels, names);
  names.add(METRIC_NAME);
  return (labels) => dropLabels(labels, names);
}

/** Adds `member` to what `out` has; `lost` is what the sums lost by rounding. */
type Fold = (out: StepSeries, member: StepSeries, lost: Float64Array) => void;

/** The others count, if only to say where there is an element. */
const FOLDS = new Map<AggregateOp, Fold>([
  ["sum", foldSum],
  ["avg", foldSum],
  ["min", (out, member) => foldExtreme(out, member, -1)],
  ["max", (out, member) => foldExtreme(out, member, 1)],
]);

/** sum, avg, min, max, count, group, stddev, stdvar: one element for each group and step. */
export async function aggregate({
  expr,
  series,
  steps,
  meter,
}: AggregateRun): Promise<StepSeries[]> {
  const results: StepSeries[] = [];
  for (const group of await groupSeries(expr, series, meter)) {
    meter.hold(steps);
    const out = emptySeries(group.labels, group.dropsName, steps);
    const fold = FOLDS.get(expr.op) ?? foldCount;
    const lost = new Float64Array(steps);
    for (const member of group.members) {
      fold(out, member, lost);
      if (meter.work(steps)) await meter.rest();
    }
    finish(expr.op, group, out, lost);
    if (meter.work(steps * group.members.length)) await meter.rest();
    results.push(out);
  }
  return results.filter(hasSample);
}

/** Whether the aggregation takes its series one by one. */
export function isFolded(op: AggregateOp): boolean {
  return op === "sum" || op === "min" || op === "max" || op === "count" || op === "group";
}

type Folded = { readonly out: StepSeries; readonly lost: Float64Array; dropsName: boolean };

/**
 * The same as `aggregate`, for what `isFolded`, of series that come one by one: a series is not needed
 * any more when the next one is taken.
 */
export async function aggregateStream({
  expr,
  series,
  steps,
  meter,
}: Omit<AggregateRun, "series"> & { readonly series: AsyncIterable<StepSeries> }): Promise<
  StepSeries[]
> {
  const labelsOf = groupLabels(expr);
  const fold = FOLDS.get(expr.op) ?? foldCount;
  const groups = new Map<string, Folded>();
  for await (const member of series) {
    const labels = labelsOf(member.labels);
    const group = getOrInsert(groups, labelsKey(labels), () => {
      meter.hold(2 * steps);
      const out = emptySeries(labels, false, steps);
      return { out, lost: new Float64Array(steps), dropsName: false };
    });
    if (member.dropsName) group.dropsName = true;
    fold(group.out, member, group.lost);
    if (meter.work(steps + GROUPING_WORK)) await meter.rest();
  }
  return Array.from(groups.values(), ({ out, lost, dropsName }) => {
    finishFold(expr.op, out, lost);
    return { ...out, dropsName };
  });
}

/** Sums get what they lost by rounding; what only counts to say where there is an element is 1. */
function finishFold(op: AggregateOp, { values }: StepSeries, lost: Float64Array): void {
  if (op === "group") values.fill(1);
  if (op !== "sum") return;
  for (let i = 0; i < values.length; i += 1) values[i] = (values[i] ?? 0) + (lost[i] ?? 0);
}

function foldSum(out: StepSeries, member: StepSeries, lost: Float64Array): void {
  const { values, present } = out;
  for (let i = 0; i < present.length; i += 1) {
    if (member.present[i] !== 1) continue;
    const value = member.values[i] ?? 0;
    const sum = values[i] ?? 0;
    const next = sum + value;
    if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) lost[i] = 0;
    else if (Math.abs(sum) >= Math.abs(value)) lost[i] = (lost[i] ?? 0) + (sum - next + value);
    else lost[i] = (lost[i] ?? 0) + (value - next + sum);
    values[i] = next;
    present[i] = 1;
  }
}

/** A number beats NaN. `sign` 1 looks for the largest, -1 for the smallest. */
function foldExtreme(out: StepSeries, member: StepSeries, sign: number): void {
  const { values, present } = out;
  for (let i = 0; i < present.length; i += 1) {
    if (member.present[i] !== 1) continue;
    const value = member.values[i] ?? 0;
    const best = values[i] ?? 0;
    const isBetter = (value - best) * sign > 0 || Number.isNaN(best);
    if (present[i] !== 1 || isBetter) values[i] = value;
    present[i] = 1;
  }
}

function foldCount(out: StepSeries, member: StepSeries): void {
  const { values, present } = out;
  for (let i = 0; i < present.length; i += 1) {
    if (member.present[i] !== 1) continue;
    values[i] = (values[i] ?? 0) + 1;
    present[i] = 1;
  }
}

function finish(op: AggregateOp, group: Group, out: StepSeries, lost: Float64Array): void {
  const { values, present } = out;
  switch (op) {
    case "avg":
      finishMeans(group, out, lost);
      break;
    case "stddev":
    case "stdvar":
      for (let i = 0; i < values.length; i += 1) {
        if (present[i] !== 1) continue;
        const column = stepValues(group.members, i);
        const variance = varianceOf(column, 0, column.length);
        values[i] = op === "stddev" ? Math.sqrt(variance) : variance;
      }
      break;
    default:
      finishFold(op, out, lost);
  }
}

function finishMeans(group: Group, out: StepSeries, lost: Float64Array): void {
  const { values, present } = out;
  const counts = emptySeries(group.labels, false, values.length);
  for (const member of group.members) foldCount(counts, member);
  for (let i = 0; i < values.length; i += 1) {
    if (present[i] !== 1) continue;
    const sum = values[i] ?? 0;
    const count = counts.values[i] ?? 1;
    if (Number.isFinite(sum)) {
      values[i] = sum / count + (lost[i] ?? 0) / count;
    } else {
      const column = stepValues(group.members, i);
      values[i] = meanOf(column, 0, column.length);
    }
  }
}

/** The values of one step, in the order of the members; absent ones are left out. */
export function stepValues(members: readonly StepSeries[], step: number): Float64Array {
  const column = new Float64Array(members.length);
  let count = 0;
  for (const { values, present } of members) {
    if (present[step] !== 1) continue;
    column[count] = values[step] ?? 0;
    count += 1;
  }
  return column.subarray(0, count);
}
