import type { MetricPoint } from "./metric-point.ts";

/**
 * Exponential histograms as classic ones. The bounds are powers of two, the same for all histograms of a
 * unit, whatever their scale: a histogram that changes its scale goes on in the same series.
 *
 * At scale s a bucket has the values in (b^i, b^(i+1)], b = 2^(2^-s). From scale 0 on every power of two is
 * the edge of a bucket, so that the count at each bound is exactly what was counted. Below scale 0, which
 * takes values that differ by more than 2^160, a bucket spans several powers of two: it counts from its own
 * upper edge on, and the bounds inside of it are short of it. The bucket of zero counts at every bound that is
 * not below its threshold, negative values count at every bound.
 */
type Exponents = { readonly first: number; readonly last: number };

/** By unit: from 61 µs to 17 min, and from 16 bytes to 1 TiB. */
const EXPONENTS: ReadonlyMap<string, Exponents> = new Map([
  ["s", { first: -14, last: 10 }],
  ["ms", { first: -4, last: 20 }],
  ["us", { first: 6, last: 30 }],
  ["ns", { first: 16, last: 40 }],
  ["By", { first: 4, last: 40 }],
]);
const OTHERS: Exponents = { first: -10, last: 30 };

/** The bounds of a classic histogram for values of this unit, ascending. */
export function exponentialBounds(unit: string): number[] {
  const { first, last } = EXPONENTS.get(unit) ?? OTHERS;
  return Array.from({ length: last - first + 1 }, (_, i) => 2 ** (first + i));
}

/** How many values are at most each of the bounds, which are powers of two: one count a bound. */
export function exponentialCounts(
  { scale, zeroCount, zeroThreshold, positive, negative }: MetricPoint,
  bounds: readonly number[],
): number[] {
  let belowZero = 0;
  for (const count of negative.counts) belowZero += count;
  let bucket = 0;
  let counted = 0;
  return bounds.map((bound) => {
    // Buckets with an index below this end at the bound or before it.
    const end = Math.floor(Math.round(Math.log2(bound)) * 2 ** scale) - positive.offset;
    for (; bucket < positive.counts.length && bucket < end; bucket += 1) {
      counted += positive.counts[bucket] ?? 0;
    }
    return belowZero + counted + (zeroThreshold <= bound ? zeroCount : 0);
  });
}
