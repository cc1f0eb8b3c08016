import { meanOf, quantileOf, sumOf, varianceOf } from "./sums.ts";
import type { MatrixSeries, WindowKernel } from "./windows.ts";

/** What it makes of the samples `from` (inclusive) to `to` (exclusive), at least one. */
export type Statistic = (
  values: Float64Array,
  from: number,
  to: number,
  times: Float64Array,
) => number;

const STATISTICS = new Map<string, Statistic>([
  ["avg_over_time", meanOf],
  ["sum_over_time", sumOf],
  ["count_over_time", (_values, from, to) => to - from],
  ["last_over_time", (values, _from, to) => values[to - 1] ?? 0],
  ["first_over_time", (values, from) => values[from] ?? 0],
  ["min_over_time", (values, from, to) => values[lowestIndex(values, from, to)] ?? 0],
  ["max_over_time", (values, from, to) => values[highestIndex(values, from, to)] ?? 0],
  ["stddev_over_time", (values, from, to) => Math.sqrt(varianceOf(values, from, to))],
  ["stdvar_over_time", varianceOf],
]);

/** By the name of the function; those that both query languages have. */
export function windowStatistic(name: string): Statistic | undefined {
  return STATISTICS.get(name);
}

/**
 * An element for every step whose window holds at least `least` samples: what `compute` makes of
 * those `from` (inclusive) to `to` (exclusive).
 */
export function windowKernel(
  least: number,
  compute: (from: number, to: number, step: number) => number,
): WindowKernel {
  return (bounds, out, first, end) => {
    for (let step = first; step < end; step += 1) {
      const from = bounds.from[step] ?? 0;
      const to = bounds.to[step] ?? 0;
      if (to - from < least) continue;
      out.values[step] = compute(from, to, step);
      out.present[step] = 1;
    }
  };
}

export function statisticKernel(
  statistic: Statistic,
  { times, values }: MatrixSeries,
  least: number,
): WindowKernel {
  return windowKernel(least, (from, to) => statistic(values, from, to, times));
}

/** The quantile of each window; `q` has one number a step. */
export function quantileKernel({ values }: MatrixSeries, q: Float64Array): WindowKernel {
  const sorted = new Float64Array(values.length);
  return windowKernel(1, (from, to, step) => {
    const count = to - from;
    for (let i = 0; i < count; i += 1) sorted[i] = values[from + i] ?? 0;
    return quantileOf(q[step] ?? Number.NaN, sorted, count);
  });
}

/** The last index of the smallest value; a number beats NaN. */
export function lowestIndex(values: Float64Array, from: number, to: number): number {
  let best = from;
  for (let i = from + 1; i < to; i += 1) {
    const lowest = values[best] ?? 0;
    if ((values[i] ?? 0) <= lowest || Number.isNaN(lowest)) best = i;
  }
  return best;
}

/** The last index of the largest value; a number beats NaN. */
export function highestIndex(values: Float64Array, from: number, to: number): number {
  let best = from;
  for (let i = from + 1; i < to; i += 1) {
    const highest = values[best] ?? 0;
    if ((values[i] ?? 0) >= highest || Number.isNaN(highest)) best = i;
  }
  return best;
}
