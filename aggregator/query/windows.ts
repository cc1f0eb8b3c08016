import type { SeriesColumns } from "../../shared/model/columns.ts";
import type { Grid } from "./grid.ts";
import type { Meter } from "./meter.ts";
import type { StepSeries } from "./step-series.ts";

/** One series of a range vector: all samples that any step's window may hold, none of them stale. */
export type MatrixSeries = SeriesColumns & { readonly dropsName: boolean };

/**
 * A range vector: at step i the window is `(ends[i] - rangeMs, ends[i]]`. Its series are read as they are
 * taken: the columns of one are valid until the next is, and all can be taken once.
 */
export type Matrix = {
  readonly series: Iterable<MatrixSeries> | AsyncIterable<MatrixSeries>;
  readonly ends: Grid;
  readonly rangeMs: number;
};

/** Which samples each step's window holds: `from[i]` (inclusive) to `to[i]` (exclusive). */
export type WindowBounds = {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly work: number; // samples of all windows, and steps
};

/**
 * Writes the elements of the steps `first` (inclusive) to `end` (exclusive) to `out`. It is called
 * with ascending, adjoining stretches of steps.
 */
export type WindowKernel = (
  bounds: WindowBounds,
  out: StepSeries,
  first: number,
  end: number,
) => void;

/** Samples in windows after which a kernel is left, so that one series does not hold up everything. */
const WORK_AT_ONCE = 100_000;

/** Runs kernels over the series of one matrix. */
export class WindowWalk {
  readonly #matrix: Matrix;
  readonly #meter: Meter;
  #times: Float64Array = new Float64Array(0);
  #bounds: WindowBounds;

  constructor(matrix: Matrix, meter: Meter) {
    this.#matrix = matrix;
    this.#meter = meter;
    this.#bounds = findBounds(this.#times, matrix.ends, matrix.rangeMs);
  }

  async run(series: MatrixSeries, kernel: WindowKernel, out: StepSeries): Promise<void> {
    const bounds = this.#boundsOf(series.times);
    const { count } = this.#matrix.ends;
    for (let first = 0; first < count; ) {
      const end = bounds.work <= WORK_AT_ONCE ? count : stretchEnd(bounds, first);
      kernel(bounds, out, first, end);
      if (this.#meter.work((bounds.work * (end - first)) / count)) await this.#meter.rest();
      first = end;
    }
  }

  /** Series of one collector often share their column of times, and with it the bounds. */
  #boundsOf(times: Float64Array): WindowBounds {
    if (times !== this.#times) {
      this.#times = times;
      this.#bounds = findBounds(times, this.#matrix.ends, this.#matrix.rangeMs);
    }
    return this.#bounds;
  }
}

function findBounds(times: Float64Array, ends: Grid, rangeMs: number): WindowBounds {
  const { startMs, stepMs, count } = ends;
  const bounds = { from: new Int32Array(count), to: new Int32Array(count) };
  let work = count;
  let from = 0;
  let to = 0;
  for (let step = 0; step < count; step += 1) {
    const endMs = startMs + step * stepMs;
    const windowStartMs = endMs - rangeMs;
    while (to < times.length && (times[to] ?? 0) <= endMs) to += 1;
    while (from < to && (times[from] ?? 0) <= windowStartMs) from += 1;
    bounds.from[step] = from;
    bounds.to[step] = to;
    work += to - from;
  }
  return { ...bounds, work };
}

/** The step behind the last one of a stretch that is not too much work at once. */
function stretchEnd({ from, to }: WindowBounds, first: number): number {
  let work = 0;
  let end = first;
  while (end < to.length && work < WORK_AT_ONCE) {
    work += (to[end] ?? 0) - (from[end] ?? 0) + 1;
    end += 1;
  }
  return end;
}
