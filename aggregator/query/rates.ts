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
  const lostByDrops = isCounter ? dropsOf(values) : () => 0;
  /** Between the samples `head` and `last`, which are the first and last of the step's window. */
  const growthWithin = (head: number, last: number, step: number): number => {
    const endMs = ends.startMs + step * ends.stepMs;
    const headMs = times[head] ?? 0;
    const lastMs = times[last] ?? 0;
    const headValue = values[head] ?? 0;
    const growth = (values[last] ?? 0) - headValue + lostByDrops(head, last);
    const spanS = (lastMs - headMs) / 1000;
    const gapS = spanS / (last - head);
    let beforeS = reach((headMs - (endMs - rangeMs)) / 1000, gapS);
    if (isCounter && growth > 0 && headValue >= 0) {
      const sinceZeroS = spanS * (headValue / growth);
      if (sinceZeroS < beforeS) beforeS = sinceZeroS;
    }
    const afterS = reach((endMs - lastMs) / 1000, gapS);
    return growth * ((spanS + beforeS + afterS) / spanS / divisor);
  };
  return ({ from, to }, out, first, end) => {
    for (let step = first; step < end; step += 1) {
      const head = from[step] ?? 0;
      const last = (to[step] ?? 0) - 1;
      if (last <= head) continue;
      out.values[step] = growthWithin(head, last, step);
      out.present[step] = 1;
    }
  };
}

/**
 * What a counter lost by beginning anew between two samples. Its drops are found once; a window then
 * adds only those it holds, so the cost does not grow with the window's length. Windows must come in
 * order.
 */
function dropsOf(values: Float64Array): (head: number, last: number) => number {
  const drops: number[] = []; // indexes whose value is below the one before
  for (let i = 1; i < values.length; i += 1) {
    if ((values[i] ?? 0) < (values[i - 1] ?? 0)) drops.push(i);
  }
  let next = 0; // the first of the drops behind the window's first sample
  return (head, last) => {
    while (next < drops.length && (drops[next] ?? 0) <= head) next += 1;
    let lost = 0;
    for (let i = next; i < drops.length && (drops[i] ?? 0) <= last; i += 1) {
      lost += values[(drops[i] ?? 0) - 1] ?? 0;
    }
    return lost;
  };
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
