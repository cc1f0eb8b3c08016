import { OperationalError } from "../../shared/errors.ts";

/** Bounds of one query. All are checked while it runs. */
export type QueryLimits = {
  /** Samples read plus elements computed, over the whole query. */
  readonly samplesMax: number;
  /** Series that one selector may read. */
  readonly seriesMax: number;
  /** Aborted when nobody waits for the query any more, or it has had its time. */
  readonly signal: AbortSignal | undefined;
  /** Gives the event loop a turn. */
  readonly pause: () => Promise<void>;
};

/** About as many units (samples looked at or elements computed) as take a millisecond. */
const WORK_BETWEEN_RESTS = 200_000;

/** Counts what a query does, and stops it at its limits. */
export class Meter {
  readonly #limits: QueryLimits;
  #samples = 0;
  #work = 0;

  constructor(limits: QueryLimits) {
    this.#limits = limits;
  }

  /** Over the whole query. */
  get held(): number {
    return this.#samples;
  }

  /**
   * To be called before `count` samples are held in memory.
   * @throws OperationalError LIMIT
   */
  hold(count: number): void {
    this.#samples += count;
    if (this.#samples > this.#limits.samplesMax) {
      throw new OperationalError(
        "LIMIT",
        `Query needs more than ${this.#limits.samplesMax} samples: narrow the selectors, ` +
          "shorten the range or lengthen the step",
      );
    }
  }

  /** @throws OperationalError LIMIT */
  checkSeries(count: number): void {
    if (count <= this.#limits.seriesMax) return;
    const message = `Selector reads ${count} series, more than the ${this.#limits.seriesMax} allowed`;
    throw new OperationalError("LIMIT", message);
  }

  /** Adds to the work done; true when `rest` is due. */
  work(units: number): boolean {
    this.#work += units;
    return this.#work >= WORK_BETWEEN_RESTS;
  }

  /**
   * Lets others run, then looks whether this query may go on.
   * @throws the signal's reason when it was aborted
   */
  async rest(): Promise<void> {
    this.#work = 0;
    await this.#limits.pause();
    this.#limits.signal?.throwIfAborted();
  }
}
