import type { Matrix, MatrixSeries, WindowKernel } from "../query/windows.ts";

/** rate: per second, of a counter; increase: of a counter; delta: of a gauge. */
export type RateKind = "rate" | "increase" | "delta";

/**
 * The growth over a window, extrapolated to its edges as Prometheus does (promql/functions.go,
 * extrapolatedRate): to an edge that is nearer than 1.1 average gaps fully, else by half a gap; and
 * a counter is never extrapolated back beyond the time it would have been 0.
 */
export function rateKernel(kind: RateKind, series: MatrixSeries, matrix: Matrix): WindowKernel {
  const growth = new Growth(kind, series, matrix);
  return ({ from, to }, out, first, end) => {
    for (let step = first; step < end; step += 1) {
      const head = from[step] ?? 0;
      const last = (to[step] ?? 0) - 1;
      if (last <= head) continue;
      out.values[step] = growth.within(head, last, step);
      out.present[step] = 1;
    }
  };
}

/**
 * Drops of a counter are found once per series; a window then adds only the drops it holds, so the
 * cost does not grow with the window's length. Windows must come in order.
 */
class Growth {
  readonly #series: MatrixSeries;
  readonly #matrix: Matrix;
  readonly #isCounter: boolean;
  readonly #divisor: number;
  readonly #drops: Int32Array;
  #nextDrop = 0; // the first of the drops behind the window's first sample

  constructor(kind: RateKind, series: MatrixSeries, matrix: Matrix) {
    this.#series = series;
    this.#matrix = matrix;
    this.#isCounter = kind !== "delta";
    this.#divisor = kind === "rate" ? matrix.rangeMs / 1000 : 1;
    this.#drops = this.#isCounter ? dropIndexes(series.values) : new Int32Array(0);
  }

  /** Between the samples `head` and `last`, which are the first and last of the step's window. */
  within(head: number, last: number, step: number): number {
    const { times, values } = this.#series;
    const { ends, rangeMs } = this.#matrix;
    const endMs = ends.startMs + step * ends.stepMs;
    const headMs = times[head] ?? 0;
    const lastMs = times[last] ?? 0;
    const headValue = values[head] ?? 0;
    const growth = (values[last] ?? 0) - headValue + this.#lostByDrops(head, last);
    const spanS = (lastMs - headMs) / 1000;
    const gapS = spanS / (last - head);
    let beforeS = reach((headMs - (endMs - rangeMs)) / 1000, gapS);
    if (this.#isCounter && growth > 0 && headValue >= 0) {
      const sinceZeroS = spanS * (headValue / growth);
      if (sinceZeroS < beforeS) beforeS = sinceZeroS;
    }
    const afterS = reach((endMs - lastMs) / 1000, gapS);
    return growth * ((spanS + beforeS + afterS) / spanS / this.#divisor);
  }

  #lostByDrops(head: number, last: number): number {
    const drops = this.#drops;
    while (this.#nextDrop < drops.length && (drops[this.#nextDrop] ?? 0) <= head) {
      this.#nextDrop += 1;
    }
    let lost = 0;
    for (let i = this.#nextDrop; i < drops.length && (drops[i] ?? 0) <= last; i += 1) {
      lost += this.#series.values[(drops[i] ?? 0) - 1] ?? 0;
    }
    return lost;
  }
}

/** How far to extrapolate towards an edge of the window. */
function reach(distanceS: number, gapS: number): number {
  return distanceS >= gapS * 1.1 ? gapS / 2 : distanceS;
}

/** The indexes whose value is below the one before: there the counter began anew. */
function dropIndexes(values: Float64Array): Int32Array {
  const found: number[] = [];
  for (let i = 1; i < values.length; i += 1) {
    if ((values[i] ?? 0) < (values[i - 1] ?? 0)) found.push(i);
  }
  return Int32Array.from(found);
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
