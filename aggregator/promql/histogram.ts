/** Quantiles and fractions of classic histograms: cumulative counts in buckets named by `le`. */

/** `bound`: upper, inclusive; `count`: of this bucket and all below it. */
export type Bucket = { readonly bound: number; count: number };

/** Counts may fall by this much, relatively, from one bucket to the next by rounding alone. */
const ROUNDING = 1e-12;

/** `isRepaired`: counts fell from a bucket to the next by more than rounding explains. */
export type BucketResult = { readonly value: number; readonly isRepaired: boolean };

/** The `q`-quantile, interpolated within its bucket; the buckets may come in any order. */
export function bucketQuantile(q: number, unsorted: readonly Bucket[]): BucketResult {
  const { buckets, isRepaired } = prepare(unsorted);
  return { value: quantileIn(q, buckets), isRepaired };
}

function quantileIn(q: number, buckets: readonly Bucket[]): number {
  const last = buckets.length - 1;
  const total = buckets[last]?.count ?? 0;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  if (last < 1 || total === 0 || Number.isNaN(total) || Number.isNaN(q)) return Number.NaN;
  const rank = q * total;
  let index = buckets.findIndex(({ count }) => count >= rank);
  if (index < 0) index = last;
  if (index === last) return buckets[last - 1]?.bound ?? Number.NaN;
  const { bound: end, count } = buckets[index] ?? { bound: Number.NaN, count: 0 };
  if (index === 0 && end <= 0) return end;
  const below = buckets[index - 1] ?? { bound: 0, count: 0 };
  return below.bound + (end - below.bound) * ((rank - below.count) / (count - below.count));
}

/** The share of observations between `lower` and `upper`. */
export function bucketFraction(
  lower: number,
  upper: number,
  unsorted: readonly Bucket[],
): BucketResult {
  const { buckets, isRepaired } = prepare(unsorted);
  const total = buckets.at(-1)?.count ?? 0;
  if (buckets.length === 0 || total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) {
    return { value: Number.NaN, isRepaired };
  }
  if (lower >= upper) return { value: 0, isRepaired };
  const share = (rankOf(upper, buckets) - rankOf(lower, buckets)) / total;
  return { value: share, isRepaired };
}

/** How many observations are at most `value`, interpolated; below a first bound > 0 lies 0. */
function rankOf(value: number, buckets: readonly Bucket[]): number {
  let rank = 0;
  let lower = (buckets[0]?.bound ?? 0) > 0 ? 0 : Number.NEGATIVE_INFINITY;
  for (const { bound, count } of buckets) {
    if (lower >= value) return rank;
    if (bound > value) {
      if (lower === Number.NEGATIVE_INFINITY) return rank;
      if (bound === Number.POSITIVE_INFINITY) return rank;
      return rank + (count - rank) * ((value - lower) / (bound - lower));
    }
    rank = count;
    lower = bound;
  }
  return rank;
}

/** Sorted, bounds unique, counts rising; empty when the +Inf bucket is missing. */
function prepare(unsorted: readonly Bucket[]): { buckets: Bucket[]; isRepaired: boolean } {
  const sorted = [...unsorted].sort((a, b) => a.bound - b.bound);
  const buckets: Bucket[] = [];
  for (const { bound, count } of sorted) {
    const last = buckets.at(-1);
    if (last?.bound === bound) last.count += count;
    else buckets.push({ bound, count });
  }
  if (buckets.at(-1)?.bound !== Number.POSITIVE_INFINITY) return { buckets: [], isRepaired: false };
  let isRepaired = false;
  let highest = buckets[0]?.count ?? 0;
  for (const bucket of buckets) {
    if (bucket.count >= highest) {
      highest = bucket.count;
      continue;
    }
    if (highest - bucket.count > ROUNDING * (highest + bucket.count)) isRepaired = true;
    bucket.count = highest;
  }
  return { buckets, isRepaired };
}
