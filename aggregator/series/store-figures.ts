import type { SeriesIndex } from "./series-index.ts";

/** How many series and texts there are, and of which times. @param limit entries of each list */
export function storeFigures(index: SeriesIndex, nowMs: number, limit: number) {
  let [series, minMs, maxMs] = [0, Number.MAX_SAFE_INTEGER, 0];
  for (const { firstMs, lastMs, head, written } of index.all()) {
    series += 1;
    minMs = Math.min(minMs, firstMs);
    const isAlive = head.length > 0 || written >= 0;
    maxMs = Math.max(maxMs, isAlive ? nowMs : lastMs);
  }
  return { series, minMs: Math.min(minMs, maxMs), maxMs, ...index.figures(limit) };
}
