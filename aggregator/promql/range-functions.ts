import { queryError } from "../query/query-error.ts";
import { lastTwoKernel, rateKernel } from "../query/rates.ts";
import { quantileOf, Sum } from "../query/sums.ts";
import {
  highestIndex,
  lowestIndex,
  quantileKernel,
  type Statistic,
  statisticKernel,
  windowKernel,
  windowStatistic,
} from "../query/window-statistics.ts";
import type { Matrix, MatrixSeries, WindowKernel } from "../query/windows.ts";

/** The scalar arguments of a range function, one number a step each, in the order written. */
export type ScalarArgs = readonly Float64Array[];

/** Of PromQL only; those that LogQL has too are in query/window-statistics.ts. */
const STATISTICS = new Map<string, Statistic>([
  ["present_over_time", () => 1],
  ["mad_over_time", medianDeviation],
  ["changes", changes],
  ["resets", resets],
  ["ts_of_first_over_time", (_values, from, _to, times) => seconds(times, from)],
  ["ts_of_last_over_time", (_values, _from, to, times) => seconds(times, to - 1)],
  [
    "ts_of_min_over_time",
    (values, from, to, times) => seconds(times, lowestIndex(values, from, to)),
  ],
  [
    "ts_of_max_over_time",
    (values, from, to, times) => seconds(times, highestIndex(values, from, to)),
  ],
]);

function seconds(times: Float64Array, index: number): number {
  return (times[index] ?? 0) / 1000;
}

/** Functions whose element is a sample as it was, so that the metric name still fits. */
export function keepsName(name: string): boolean {
  return name === "last_over_time" || name === "first_over_time";
}

/** The kernel of a range function for one series of `matrix`; it is used for that series only. */
export function rangeKernel(
  name: string,
  series: MatrixSeries,
  matrix: Matrix,
  args: ScalarArgs,
): WindowKernel {
  const statistic = windowStatistic(name) ?? STATISTICS.get(name);
  if (statistic !== undefined) return statisticKernel(statistic, series, 1);
  switch (name) {
    case "rate":
    case "increase":
    case "delta":
      return rateKernel(name, series, matrix);
    case "irate":
    case "idelta":
      return lastTwoKernel(name === "irate", series);
    case "deriv":
      return statisticKernel(slopeAtFirst, series, 2);
    case "predict_linear":
      return predictKernel(series, args);
    case "quantile_over_time":
      return quantileKernel(series, args[0] ?? new Float64Array(0));
    case "double_exponential_smoothing":
      return smoothingKernel(series, args);
    default:
      throw queryError("PromQL", `the function ${name} is not supported`);
  }
}

function argAt(args: ScalarArgs, index: number, step: number): number {
  return args[index]?.[step] ?? Number.NaN;
}

function medianDeviation(values: Float64Array, from: number, to: number): number {
  const sorted = values.slice(from, to);
  const median = quantileOf(0.5, sorted, sorted.length);
  for (let i = 0; i < sorted.length; i += 1) sorted[i] = Math.abs((sorted[i] ?? 0) - median);
  return quantileOf(0.5, sorted, sorted.length);
}

export function changes(values: Float64Array, from: number, to: number): number {
  let count = 0;
  for (let i = from + 1; i < to; i += 1) {
    const value = values[i] ?? 0;
    const before = values[i - 1] ?? 0;
    if (value !== before && !(Number.isNaN(value) && Number.isNaN(before))) count += 1;
  }
  return count;
}

export function resets(values: Float64Array, from: number, to: number): number {
  let count = 0;
  for (let i = from + 1; i < to; i += 1) {
    if ((values[i] ?? 0) < (values[i - 1] ?? 0)) count += 1;
  }
  return count;
}

type Line = { readonly slope: number; readonly intercept: number };

type Stretch = { readonly from: number; readonly to: number; readonly originMs: number };

/** Least squares through some samples; x in seconds from `originMs`. */
function fitLine({ times, values }: Omit<MatrixSeries, "labels" | "dropsName">, at: Stretch): Line {
  const firstValue = values[at.from] ?? 0;
  const sums = { x: new Sum(), y: new Sum(), xy: new Sum(), xx: new Sum() };
  let isConstant = true;
  for (let i = at.from; i < at.to; i += 1) {
    const x = ((times[i] ?? 0) - at.originMs) / 1000;
    const y = values[i] ?? 0;
    if (y !== firstValue) isConstant = false;
    sums.x.add(x);
    sums.y.add(y);
    sums.xy.add(x * y);
    sums.xx.add(x * x);
  }
  if (isConstant) {
    if (!Number.isFinite(firstValue)) return { slope: Number.NaN, intercept: Number.NaN };
    return { slope: 0, intercept: firstValue };
  }
  const count = at.to - at.from;
  const covariance = sums.xy.total - (sums.x.total * sums.y.total) / count;
  const variance = sums.xx.total - (sums.x.total * sums.x.total) / count;
  const slope = covariance / variance;
  return { slope, intercept: sums.y.total / count - (slope * sums.x.total) / count };
}

function slopeAtFirst(values: Float64Array, from: number, to: number, times: Float64Array): number {
  return fitLine({ times, values }, { from, to, originMs: times[from] ?? 0 }).slope;
}

/** The first argument holds seconds ahead of the evaluation, the second its time in milliseconds. */
function predictKernel(series: MatrixSeries, args: ScalarArgs): WindowKernel {
  return windowKernel(2, (from, to, step) => {
    const line = fitLine(series, { from, to, originMs: argAt(args, 1, step) });
    return line.slope * argAt(args, 0, step) + line.intercept;
  });
}

/** Holt's linear method: the level follows by the first factor, the trend by the second. */
function smoothingKernel({ values }: MatrixSeries, args: ScalarArgs): WindowKernel {
  return windowKernel(2, (from, to, step) => {
    const factors = { level: argAt(args, 0, step), trend: argAt(args, 1, step) };
    return smooth(values.subarray(from, to), factors);
  });
}

function smooth(values: Float64Array, factors: { level: number; trend: number }): number {
  let before = 0;
  let level = values[0] ?? 0;
  let trend = (values[1] ?? 0) - level;
  for (let i = 1; i < values.length; i += 1) {
    if (i > 1) trend = factors.trend * (level - before) + (1 - factors.trend) * trend;
    const next = factors.level * (values[i] ?? 0) + (1 - factors.level) * (level + trend);
    before = level;
    level = next;
  }
  return level;
}
