import type { Grid } from "../query/grid.ts";
import type { StepSeries } from "../query/step-series.ts";

/** Which steps of a grid have a time in their window `(end - range, end]`: they adjoin. */
export class StepWindows {
  readonly count: number;
  readonly #startUs: number;
  readonly #stepUs: number;
  readonly #rangeUs: number;

  constructor({ startMs, stepMs, count }: Grid, rangeMs: number) {
    this.count = count;
    this.#startUs = startMs * 1000;
    this.#stepUs = stepMs * 1000;
    this.#rangeUs = rangeMs * 1000;
  }

  /** The first step whose window can have the time. */
  first(timeUs: number): number {
    return Math.max(0, Math.ceil((timeUs - this.#startUs) / this.#stepUs));
  }

  /** The step behind the last one; not above `first` where no window has the time. */
  end(timeUs: number): number {
    const end = Math.ceil((timeUs + this.#rangeUs - this.#startUs) / this.#stepUs);
    return Math.min(this.count, end);
  }
}

/**
 * What the lines of one series add up to in each step's window. A line is written down where it
 * enters the windows and where it leaves them, so it costs the same however many windows have it, and
 * no line is kept. Exact: counts and bytes are whole numbers.
 */
export class StepCounts {
  readonly #lines: Float64Array;
  readonly #bytes: Float64Array;

  constructor(steps: number) {
    this.#lines = new Float64Array(steps + 1);
    this.#bytes = new Float64Array(steps + 1);
  }

  /** A line that the windows of the steps `first` (inclusive) to `end` (exclusive) have. */
  add(first: number, end: number, bytes: number): void {
    addTo(this.#lines, first, end, 1);
    addTo(this.#bytes, first, end, bytes);
  }

  /** Writes an element wherever there is a line. `divisor`: seconds, for a rate. */
  fill(out: StepSeries, what: "lines" | "bytes", divisor: number): void {
    let lines = 0;
    let bytes = 0;
    for (let step = 0; step < out.present.length; step += 1) {
      lines += this.#lines[step] ?? 0;
      bytes += this.#bytes[step] ?? 0;
      if (lines === 0) continue;
      out.present[step] = 1;
      out.values[step] = (what === "lines" ? lines : bytes) / divisor;
    }
  }
}

function addTo(column: Float64Array, first: number, end: number, value: number): void {
  column[first] = (column[first] ?? 0) + value;
  column[end] = (column[end] ?? 0) - value;
}
