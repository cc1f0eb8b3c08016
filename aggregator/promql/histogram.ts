/** Quantiles and fractions of classic histograms: cumulative counts in buckets named by `le`. */

/** `bound`: upper, inclusive; `count`: of this bucket and all below it. */
export type Bucket = { readonly bound: number; count: number };

/** Counts may fall by this much, relatively, from one bucket to the next by rounding alone. */
const ROUNDING = 1e-12;

/** Counts that fell from a bucket to the next by more than rounding explains, and were levelled. */
export type Repair = {
  readonly leastBound: number;
  readonly mostBound: number;
  readonly mostFall: number;
};

export type BucketResult = { readonly value: number; readonly repair: Repair | null };

/** The `q`-quantile, interpolated within its bucket; the buckets may come in any order. */
export function bucketQuantile(q: number, unsorted: readonly Bucket[]): BucketResult {
  const { buckets, repair } = prepare(unsorted);
  return { value: quantileIn(q, buckets), repair };
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
  const { buckets, repair } = prepare(unsorted);
  const total = buckets.at(-1)?.count ?? 0;
  if (buckets.length === 0 || total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) {
    return { value: Number.NaN, repair };
  }
  if (lower >= upper) return { value: 0, repair };
  const share = (rankOf(upper, buckets) - rankOf(lower, buckets)) / total;
  return { value: share, repair };
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
function prepare(unsorted: readonly Bucket[]): { buckets: Bucket[]; repair: Repair | null } {
  const sorted = [...unsorted].sort((a, b) => a.bound - b.bound);
  const buckets: Bucket[] = [];
  for (const { bound, count } of sorted) {
    const last = buckets.at(-1);
    if (last?.bound === bound) last.count += count;
    else buckets.push({ bound, count });
  }
  if (buckets.at(-1)?.bound !== Number.POSITIVE_INFINITY) return { buckets: [], repair: null };
  return { buckets, repair: level(buckets) };
}

/** Makes counts rise; differences that rounding explains are levelled without a word. */
function level(buckets: readonly Bucket[]): Repair | null {
  let repair: Repair | null = null;
  let highest = buckets[0]?.count ?? 0;
  for (const bucket of buckets) {
    const fall = highest - bucket.count;
    const isRounding = Math.abs(fall) < ROUNDING * (highest + bucket.count);
    if (fall <= 0 && !isRounding) {
      highest = bucket.count;
      continue;
    }
    bucket.count = highest;
    if (isRounding || fall === 0) continue;
    const { bound } = bucket;
    repair = widened(repair, { leastBound: bound, mostBound: bound, mostFall: fall });
  }
  return repair;
}

export function widened(one: Repair | null, other: Repair): Repair {
  if (one === null) return other;
  return {
    leastBound: Math.min(one.leastBound, other.leastBound),
    mostBound: Math.max(one.mostBound, other.mostBound),
    mostFall: Math.max(one.mostFall, other.mostFall),
  };
}
