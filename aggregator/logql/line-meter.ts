import { OperationalError } from "../../shared/errors.ts";
import type { Meter } from "../query/meter.ts";

export type LineLimits = {
  readonly linesMax: number; // lines read by one query
  readonly bytesMax: number; // and their length, in UTF-16 code units
};

/** In units of the meter's work: what it takes to pass one line on, without its stages. */
const WORK_PER_LINE = 50;

/** Counts the lines that a query reads, and stops it at its limits. */
export class LineMeter {
  readonly meter: Meter;
  readonly statistics = { lines: 0, bytes: 0 };
  readonly #limits: LineLimits;

  constructor(meter: Meter, limits: LineLimits) {
    this.meter = meter;
    this.#limits = limits;
  }

  /**
   * A line was read, whose stages take `weight` units of work a character (see `stagesWeight`). True
   * when `meter.rest` is due.
   * @throws OperationalError LIMIT
   */
  line(length: number, weight: number): boolean {
    this.statistics.lines += 1;
    this.statistics.bytes += length;
    if (this.statistics.lines > this.#limits.linesMax) this.#stop(this.#limits.linesMax, "lines");
    if (this.statistics.bytes > this.#limits.bytesMax) this.#stop(this.#limits.bytesMax, "bytes");
    return this.meter.work(WORK_PER_LINE + length * weight);
  }

  #stop(most: number, what: string): never {
    throw new OperationalError(
      "LIMIT",
      `Query reads more than ${most} ${what}: narrow the selector or shorten the range`,
    );
  }
}
