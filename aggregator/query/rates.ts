import type { Matrix, MatrixSeries, WindowKernel } from "./windows.ts";

/** rate: per second, of a counter; increase: of a counter; delta: of a gauge. */
export type RateKind = "rate" | "increase" | "delta";

/**
 * The growth over a window, extrapolated to its edges as Prometheus does (promql/functions.go,
 * extrapolatedRate): to an edge that is nearer than 1.1 average gaps fully, else by half a gap; and
 * a counter is never extrapolated back beyond the time it would have been 0.
 */
export function rateKernel(
  kind: RateKind,
  { times, values }: MatrixSeries,
  { ends, rangeMs }: Matrix,
): WindowKernel {
  const isCounter = kind !== "delta";
  const divisor = kind === "rate" ? rangeMs / 1000 : 1;
  const drops = isCounter ? dropsOf(values) : [];
  let nextDrop = 0; // the first of the drops behind the window's first sample
  return ({ from, to }, out, first, end) => {
    for (let step = first; step < end; step += 1) {
      const head = from[step] ?? 0;
      const last = (to[step] ?? 0) - 1;
      if (last <= head) continue;
      const endMs = ends.startMs + step * ends.stepMs;
      const headMs = times[head] ?? 0;
      const lastMs = times[last] ?? 0;
      const headValue = values[head] ?? 0;
      let growth = (values[last] ?? 0) - headValue;
      if (drops.length > 0) {
        nextDrop = firstBehind(head, drops, nextDrop);
        growth += lostUpTo(last, values, drops, nextDrop);
      }
      const spanS = (lastMs - headMs) / 1000;
      const gapS = spanS / (last - head);
      let beforeS = reach((headMs - (endMs - rangeMs)) / 1000, gapS);
      if (isCounter && growth > 0 && headValue >= 0) {
        beforeS = shorter(beforeS, spanS * (headValue / growth)); // when it was 0
      }
      const afterS = reach((endMs - lastMs) / 1000, gapS);
      out.values[step] = growth * ((spanS + beforeS + afterS) / spanS / divisor);
      out.present[step] = 1;
    }
  };
}

/**
 * Where a counter began anew: the indexes whose value is below the one before. They are found once; a
 * window then adds only those it holds, so the cost does not grow with the window's length.
 */
function dropsOf(values: Float64Array): readonly number[] {
  const drops: number[] = [];
  let before = values[0] ?? 0;
  for (let i = 1; i < values.length; i += 1) {
    const value = values[i] ?? 0;
    if (value < before) drops.push(i);
    before = value;
  }
  return drops;
}

/** The first drop behind the sample `head`, from number `next` on: windows come in order. */
function firstBehind(head: number, drops: readonly number[], next: number): number {
  let behind = next;
  while (behind < drops.length && (drops[behind] ?? 0) <= head) behind += 1;
  return behind;
}

/** What the counter lost by the drops from number `next` on up to the sample `last`. */
function lostUpTo(
  last: number,
  values: Float64Array,
  drops: readonly number[],
  next: number,
): number {
  let lost = 0;
  for (let i = next; i < drops.length && (drops[i] ?? 0) <= last; i += 1) {
    lost += values[(drops[i] ?? 0) - 1] ?? 0;
  }
  return lost;
}

/** NaN is never the shorter one. */
function shorter(lengthS: number, otherS: number): number {
  if (otherS < lengthS) return otherS;
  return lengthS;
}

/** How far to extrapolate towards an edge of the window. */
function reach(distanceS: number, gapS: number): number {
  return distanceS >= gapS * 1.1 ? gapS / 2 : distanceS;
}

/** irate (`isRate`) and idelta: from the last two samples only. */
export function lastTwoKernel(isRate: boolean, { times, values }: MatrixSeries): WindowKernel {
  return ({ from, to }, out, first, end) => {
    for (let step = first; step < end; step += 1) {
      const last = (to[step] ?? 0) - 1;
      if (last <= (from[step] ?? 0)) continue;
      const value = values[last] ?? 0;
      const before = values[last - 1] ?? 0;
      const gapMs = (times[last] ?? 0) - (times[last - 1] ?? 0);
      const growth = isRate && value < before ? value : value - before;
      out.values[step] = isRate ? growth / (gapMs / 1000) : growth;
      out.present[step] = 1;
    }
  };
}
