/**
 * Exact-as-may-be arithmetic on runs of doubles. Sums carry what rounding lost (Neumaier's variant
 * of Kahan's summation), since counters in the 1e15s and rates of 1e-3 meet in one sum.
 */

/** A running sum: `rounded`, and what rounding `lost` of it; `total` is what it has come to. */
export class Sum {
  rounded = 0;
  lost = 0;

  add(value: number): void {
    const next = this.rounded + value;
    if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) this.lost = 0;
    else if (Math.abs(this.rounded) >= Math.abs(value)) this.lost += this.rounded - next + value;
    else this.lost += value - next + this.rounded;
    this.rounded = next;
  }

  get total(): number {
    return this.rounded + this.lost;
  }
}

/** Written out, not by `Sum`: this is the inner loop of sum_over_time and avg_over_time. */
export function sumOf(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  let lost = 0;
  for (let i = from; i < to; i += 1) {
    const value = values[i] ?? 0;
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  // An infinite sum has lost NaN.
  return Number.isFinite(sum) ? sum + lost : sum;
}

export function meanOf(values: Float64Array, from: number, to: number): number {
  const sum = sumOf(values, from, to);
  return Number.isFinite(sum) ? sum / (to - from) : carefulMean(values, from, to);
}

/** Where the sum would overflow it is carried as a mean from there on. */
function carefulMean(values: Float64Array, from: number, to: number): number {
  const sum = new Sum();
  let isMean = false;
  for (let i = from; i < to; i += 1) {
    const value = values[i] ?? 0;
    const before = i - from;
    const overflows = Math.abs(sum.rounded + value) === Number.POSITIVE_INFINITY;
    if (!isMean && overflows && before > 0) {
      isMean = true;
      sum.rounded /= before;
      sum.lost /= before;
    }
    if (isMean) {
      const kept = before / (before + 1);
      sum.rounded *= kept;
      sum.lost *= kept;
    }
    sum.add(isMean ? value / (before + 1) : value);
  }
  const count = isMean ? 1 : to - from;
  return sum.rounded / count + sum.lost / count;
}

/** Population variance (Welford's recurrence). */
export function varianceOf(values: Float64Array, from: number, to: number): number {
  const mean = new Sum();
  const squares = new Sum();
  for (let i = from; i < to; i += 1) {
    const value = values[i] ?? 0;
    const delta = value - mean.total;
    mean.add(delta / (i - from + 1));
    squares.add(delta * (value - mean.total));
  }
  return squares.total / (to - from);
}

/**
 * The `q`-quantile of the first `count` values, with linear interpolation; NaN counts as smallest.
 * They are sorted in place. Below 0 it is -Inf, above 1 +Inf, as in Prometheus.
 */
export function quantileOf(q: number, values: Float64Array, count: number): number {
  if (count === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  sortNanFirst(values, count);
  const rank = q * (count - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(count - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return (values[lower] ?? 0) * (1 - weight) + (values[upper] ?? 0) * weight;
}

/** Up to here sorting by insertion costs less than a call into the runtime. */
const INSERTION_MAX = 64;

function sortNanFirst(values: Float64Array, count: number): void {
  if (count <= INSERTION_MAX) {
    for (let i = 1; i < count; i += 1) {
      const value = values[i] ?? 0;
      let at = i;
      for (; at > 0 && isBefore(value, values[at - 1] ?? 0); at -= 1) {
        values[at] = values[at - 1] ?? 0;
      }
      values[at] = value;
    }
    return;
  }
  const sorted = values.subarray(0, count).sort();
  let numbers = count;
  while (numbers > 0 && Number.isNaN(sorted[numbers - 1])) numbers -= 1;
  sorted.copyWithin(count - numbers, 0, numbers);
  sorted.fill(Number.NaN, 0, count - numbers);
}

function isBefore(a: number, b: number): boolean {
  return a < b || (Number.isNaN(a) && !Number.isNaN(b));
}
