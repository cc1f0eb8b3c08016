import type { Labels } from "./labels.ts";

/** Values of such a series are doubles as they are, not integers with a decimal point. */
export const DOUBLE_SCALE = -1;

/**
 * What a stream says once of a series. `id` counts from 0 within an epoch of the stream. A value
 * travels and is stored as an integer `n`; the sample's value is `n / 10 ** scale`, exact up to
 * 2^53. `group`: the series of a group are read together and share one time a tick.
 */
export type SeriesDefinition = {
  readonly id: number;
  readonly group: number;
  readonly scale: number;
  readonly labels: Labels;
};

const POWERS = Float64Array.from({ length: 16 }, (_, scale) => 10 ** scale);

/** Highest scale: nanoseconds have 9; more than 15 decimals do not fit in a double. */
export const SCALE_MAX = 15;

/** The number a query sees. Division, not multiplication by 10^-scale: 45 / 100 is exactly 0.45. */
export function scaledValue(raw: number, scale: number): number {
  return scale <= 0 ? raw : raw / (POWERS[scale] ?? 1);
}
