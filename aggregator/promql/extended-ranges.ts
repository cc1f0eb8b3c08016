/**
 * Ranges whose edges are met: `anchored` begins with the last sample before the range, `smoothed`
 * takes values at both edges between the samples around them. Neither extrapolates. Samples outside
 * are looked for as far as the lookback goes. Source: prometheus.io/docs, "Feature flags"
 * (promql-extended-range-selectors), and promql/functions.go (extendedRate) of Prometheus.
 */
import type { SeriesColumns } from "../../shared/model/columns.ts";
import { type Grid, gridTime } from "../query/grid.ts";
import { queryError } from "../query/query-error.ts";
import { emptySeries, type StepSeries } from "../query/step-series.ts";
import type { Matrix, WindowKernel } from "../query/windows.ts";
import { type Expr, type Extension, type SelectorExpr, withoutParens } from "./ast.ts";
import type { QueryContext } from "./context.ts";
import { changes, resets } from "./range-functions.ts";
import { loadColumns, shiftedGrid, withoutStale } from "./select.ts";

type Times = { readonly times: Float64Array; readonly values: Float64Array };

/** How far a range looks before its start and behind its end, in milliseconds. */
export type Reach = { readonly beforeMs: number; readonly afterMs: number };

export function reachOf(extension: Extension | null, lookbackMs: number): Reach {
  return {
    beforeMs: extension === null ? 0 : lookbackMs,
    afterMs: extension === "smoothed" ? lookbackMs : 0,
  };
}

/** The extension of a range vector's selector. */
export function extensionOf(expr: Expr): Extension | null {
  const inner = withoutParens(expr);
  return inner.kind === "matrix" ? inner.selector.extension : null;
}

const ALLOWED: Readonly<Record<Extension, readonly string[]>> = {
  anchored: ["changes", "delta", "increase", "rate", "resets"],
  smoothed: ["delta", "increase", "rate"],
};

/** @throws OperationalError QUERY */
export function checkExtension(name: string, extension: Extension, place: string): void {
  const allowed = ALLOWED[extension];
  if (allowed.includes(name)) return;
  throw queryError(place, `${extension} goes with ${allowed.join(", ")}, not with ${name}`);
}

/** Of a matrix that reaches as far as `reach`. */
export function extendedKernel(
  name: string,
  samples: Times,
  { ends, rangeMs }: Matrix,
  extension: Extension,
  reach: Reach,
): WindowKernel {
  const ownRangeMs = rangeMs - reach.beforeMs - reach.afterMs;
  return (bounds, out, first, end) => {
    for (let step = first; step < end; step += 1) {
      const endMs = gridTime(ends, step) - reach.afterMs;
      const edges = { startMs: endMs - ownRangeMs, endMs };
      const held = { from: bounds.from[step] ?? 0, to: bounds.to[step] ?? 0 };
      const value = extendedValue(name, samples, held, edges, extension === "smoothed");
      if (value === null) continue;
      out.values[step] = name === "rate" ? value / (ownRangeMs / 1000) : value;
      out.present[step] = 1;
    }
  };
}

type Held = { readonly from: number; readonly to: number };

type Edges = { readonly startMs: number; readonly endMs: number };

function extendedValue(
  name: string,
  samples: Times,
  held: Held,
  edges: Edges,
  isSmoothed: boolean,
): number | null {
  const inner = innerSamples(samples, held, edges, isSmoothed);
  if (inner === null) return null;
  if (name === "changes") return changes(samples.values, inner.first, held.to);
  if (name === "resets") return resets(samples.values, inner.first, held.to);
  const isCounter = name !== "delta";
  const { left, right } = edgeValues(samples, held, inner, edges, isSmoothed && isCounter);
  const growth = right - left;
  return isCounter ? growth + lostByResets(samples, inner, edges, { left, right }) : growth;
}

/** The first and last sample that have a part in the range. */
type Inner = { readonly first: number; readonly last: number; readonly isSmoothed: boolean };

function innerSamples(
  { times }: Times,
  { from, to }: Held,
  { startMs, endMs }: Edges,
  isSmoothed: boolean,
): Inner | null {
  if (to <= from) return null;
  let last = to - 1;
  let first = from;
  while (first < last && (times[first] ?? 0) <= startMs) first += 1;
  first = Math.max(from, first - 1);
  if (isSmoothed) {
    let behind = from;
    while (behind < last && (times[behind] ?? 0) < endMs) behind += 1;
    last = behind;
  }
  return (times[last] ?? 0) <= startMs ? null : { first, last, isSmoothed };
}

function edgeValues(
  samples: Times,
  { from }: Held,
  { first, last, isSmoothed }: Inner,
  { startMs, endMs }: Edges,
  isCounter: boolean,
): { left: number; right: number } {
  const { times, values } = samples;
  const isLeftBetween = isSmoothed && (times[first] ?? 0) < startMs;
  const isRightBetween = isSmoothed && last > from && (times[last] ?? 0) > endMs;
  return {
    left: isLeftBetween ? between(samples, first, startMs, isCounter) : (values[first] ?? 0),
    right: isRightBetween ? between(samples, last - 1, endMs, isCounter) : (values[last] ?? 0),
  };
}

/** On the line from a sample to the next; a counter that began anew is taken to have been 0. */
function between({ times, values }: Times, index: number, timeMs: number, isCounter: boolean) {
  const after = values[index + 1] ?? 0;
  const held = values[index] ?? 0;
  const before = isCounter && after < held ? 0 : held;
  const startMs = times[index] ?? 0;
  const share = (timeMs - startMs) / ((times[index + 1] ?? 0) - startMs);
  return before + (after - before) * share;
}

function lostByResets(
  { times, values }: Times,
  inner: Inner,
  { startMs, endMs }: Edges,
  { left, right }: { left: number; right: number },
): number {
  const first = (times[inner.first] ?? 0) <= startMs ? inner.first + 1 : inner.first;
  const last = (times[inner.last] ?? 0) >= endMs ? inner.last - 1 : inner.last;
  let lost = 0;
  let before = left;
  for (let i = first; i <= last; i += 1) {
    const value = values[i] ?? 0;
    if (value < before) lost += before;
    before = value;
  }
  return right < before ? lost + before : lost;
}

/** The samples of one window as a result: one at each of its edges, and those between. */
export function extendedSamples(
  { labels, times, values }: SeriesColumns,
  held: Held,
  edges: Edges,
  extension: Extension,
): SeriesColumns | null {
  const inner = innerSamples({ times, values }, held, edges, extension === "smoothed");
  if (inner === null) return null;
  const { left, right } = edgeValues({ times, values }, held, inner, edges, false);
  const first = (times[inner.first] ?? 0) <= edges.startMs ? inner.first + 1 : inner.first;
  const last = (times[inner.last] ?? 0) >= edges.endMs ? inner.last - 1 : inner.last;
  const end = Math.max(first, last + 1);
  return {
    labels,
    times: Float64Array.of(edges.startMs, ...times.subarray(first, end), edges.endMs),
    values: Float64Array.of(left, ...values.subarray(first, end), right),
  };
}

/** A smoothed instant vector: between the samples around each step, or the last one before it. */
export async function selectSmoothed(
  expr: SelectorExpr,
  grid: Grid,
  context: QueryContext,
): Promise<StepSeries[]> {
  const { lookbackMs, meter } = context;
  const times = shiftedGrid(grid, expr, context);
  const wide = { ...times, startMs: times.startMs + lookbackMs };
  const selected: StepSeries[] = [];
  for await (const one of await loadColumns(expr, wide, 2 * lookbackMs, context)) {
    meter.hold(one.times.length + grid.count);
    const out = emptySeries(one.labels, false, grid.count);
    fillSmoothed(withoutStale(one), times, lookbackMs, out);
    if (out.present.includes(1)) selected.push(out);
    if (meter.work(one.times.length + grid.count)) await meter.rest();
  }
  return selected;
}

function fillSmoothed(samples: Times, at: Grid, lookbackMs: number, out: StepSeries): void {
  const { times, values } = samples;
  let next = 0;
  for (let step = 0; step < at.count; step += 1) {
    const timeMs = gridTime(at, step);
    while (next < times.length && (times[next] ?? 0) < timeMs) next += 1;
    const hasBefore = next > 0 && (times[next - 1] ?? 0) > timeMs - lookbackMs;
    const hasNext = next < times.length && (times[next] ?? 0) <= timeMs + lookbackMs;
    if (hasNext && times[next] === timeMs) out.values[step] = values[next] ?? 0;
    else if (!hasBefore) continue;
    else if (hasNext) out.values[step] = between(samples, next - 1, timeMs, false);
    else out.values[step] = values[next - 1] ?? 0;
    out.present[step] = 1;
  }
}
