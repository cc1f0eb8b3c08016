import {
  calendarDay,
  dayOfWeek,
  dayOfYear,
  daysInMonth,
  secondOfDay,
} from "../../shared/model/calendar-day.ts";
import type { Meter } from "../query/meter.ts";
import type { StepSeries } from "../query/step-series.ts";

/** A function of one value; `args` are its scalar arguments at that step. */
type PointFunction = (value: number, args: readonly number[]) => number;

/** What Prometheus gives where a value is no time: NaN, infinite, or beyond 64 bits of seconds. */
const NO_TIME = { year: 292277026596, month: 12, day: 4, week: 0, yday: 339, hour: 15, minute: 30 };

const onTime =
  (read: (seconds: number) => number, otherwise: number): PointFunction =>
  (value) =>
    Math.abs(value) < 2 ** 63 ? read(Math.trunc(value)) : otherwise;

const onDay = (read: (day: ReturnType<typeof calendarDay>) => number, otherwise: number) =>
  onTime((seconds) => read(calendarDay(seconds)), otherwise);

const POINT_FUNCTIONS = new Map<string, PointFunction>([
  ["abs", Math.abs],
  ["acos", Math.acos],
  ["acosh", Math.acosh],
  ["asin", Math.asin],
  ["asinh", Math.asinh],
  ["atan", Math.atan],
  ["atanh", Math.atanh],
  ["ceil", Math.ceil],
  ["cos", Math.cos],
  ["cosh", Math.cosh],
  ["deg", (value) => (value * 180) / Math.PI],
  ["exp", Math.exp],
  ["floor", Math.floor],
  ["ln", Math.log],
  ["log10", Math.log10],
  ["log2", Math.log2],
  ["rad", (value) => (value * Math.PI) / 180],
  ["sgn", Math.sign],
  ["sin", Math.sin],
  ["sinh", Math.sinh],
  ["sqrt", Math.sqrt],
  ["tan", Math.tan],
  ["tanh", Math.tanh],
  ["clamp", (value, [least = 0, most = 0]) => larger(least, smaller(most, value))],
  ["clamp_max", (value, [most = 0]) => smaller(most, value)],
  ["clamp_min", (value, [least = 0]) => larger(least, value)],
  ["round", (value, [nearest = 1]) => roundTo(value, nearest)],
  ["day_of_month", onDay(({ day }) => day, NO_TIME.day)],
  ["day_of_week", onTime(dayOfWeek, NO_TIME.week)],
  ["day_of_year", onDay(dayOfYear, NO_TIME.yday)],
  ["days_in_month", onDay(daysInMonth, 31)],
  ["hour", onTime((seconds) => Math.floor(secondOfDay(seconds) / 3600), NO_TIME.hour)],
  ["minute", onTime((seconds) => Math.floor(secondOfDay(seconds) / 60) % 60, NO_TIME.minute)],
  ["month", onDay(({ month }) => month, NO_TIME.month)],
  ["year", onDay(({ year }) => year, NO_TIME.year)],
]);

export function isPointFunction(name: string): boolean {
  return POINT_FUNCTIONS.has(name);
}

/** As Go's Max: +Inf is larger than NaN too. */
function larger(a: number, b: number): number {
  const { POSITIVE_INFINITY } = Number;
  if (a === POSITIVE_INFINITY || b === POSITIVE_INFINITY) return POSITIVE_INFINITY;
  return Math.max(a, b);
}

/** As Go's Min: -Inf is smaller than NaN too. */
function smaller(a: number, b: number): number {
  const { NEGATIVE_INFINITY } = Number;
  if (a === NEGATIVE_INFINITY || b === NEGATIVE_INFINITY) return NEGATIVE_INFINITY;
  return Math.min(a, b);
}

/** Halves go up. By the inverse, as Prometheus does: 0.1 itself is not exact, 10 is. */
function roundTo(value: number, nearest: number): number {
  const inverse = 1 / nearest;
  return Math.floor(value * inverse + 0.5) / inverse;
}

/** Applies a function to every element, in place; the metric name loses its meaning. */
export async function applyPoints(
  name: string,
  series: readonly StepSeries[],
  args: readonly Float64Array[],
  meter: Meter,
): Promise<StepSeries[]> {
  const compute = POINT_FUNCTIONS.get(name) ?? Math.abs;
  for (const one of series) {
    applyTo(one, compute, args);
    if (name === "clamp") dropEmptyIntervals(one, args);
    if (meter.work(one.values.length * 2)) await meter.rest();
  }
  return series.map((one) => ({ ...one, dropsName: true }));
}

function applyTo(
  { values, present }: StepSeries,
  compute: PointFunction,
  args: readonly Float64Array[],
): void {
  const atStep: number[] = [];
  for (let i = 0; i < values.length; i += 1) {
    if (present[i] !== 1) continue;
    for (let arg = 0; arg < args.length; arg += 1) atStep[arg] = args[arg]?.[i] ?? Number.NaN;
    values[i] = compute(values[i] ?? 0, atStep);
  }
}

/** Nothing lies between a least value and a smaller most one. */
function dropEmptyIntervals({ present }: StepSeries, args: readonly Float64Array[]): void {
  for (let i = 0; i < present.length; i += 1) {
    if ((args[0]?.[i] ?? 0) > (args[1]?.[i] ?? 0)) present[i] = 0;
  }
}
