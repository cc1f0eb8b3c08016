const BARS = "▁▂▃▄▅▆▇█";
const GAP = " ";

/**
 * A line of at most `width` bars, each the mean of the samples of its part of the time; a gap where
 * a part has none. The lowest bar is the smallest of the means, the highest the largest.
 */
export function sparkline(
  times: readonly number[],
  values: readonly number[],
  span: { readonly startMs: number; readonly endMs: number; readonly stepMs: number },
  width: number,
): string {
  const points = Math.floor((span.endMs - span.startMs) / span.stepMs) + 1;
  const count = Math.max(1, Math.min(width, points));
  const sums = new Array<number>(count).fill(0);
  const counts = new Array<number>(count).fill(0);
  for (const [i, timeMs] of times.entries()) {
    const value = values[i] ?? Number.NaN;
    const point = Math.round((timeMs - span.startMs) / span.stepMs);
    const part = Math.floor((point * count) / points);
    if (!Number.isFinite(value) || part < 0 || part >= count) continue;
    sums[part] = (sums[part] ?? 0) + value;
    counts[part] = (counts[part] ?? 0) + 1;
  }
  const means = sums.map((sum, i) => sum / (counts[i] ?? 0)); // NaN where there is none
  const known = means.filter(Number.isFinite);
  const low = Math.min(...known);
  const high = Math.max(...known);
  return means.map((mean) => (Number.isFinite(mean) ? barOf(mean, low, high) : GAP)).join("");
}

function barOf(value: number, low: number, high: number): string {
  if (high === low) return BARS[0] ?? "";
  const level = Math.floor(((value - low) / (high - low)) * BARS.length);
  return BARS[Math.min(level, BARS.length - 1)] ?? "";
}
