import { AssertionError } from "node:assert";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import type { Clock } from "../../../shared/platform/ports.ts";
import type { SerialQueue } from "../../../shared/time/serial-queue.ts";
import { TIME_PRECISION_MS } from "../../../shared/wire/frame.ts";

export const TIMEOUT_MS = 5000;

export type BackgroundJob = {
  /** In it pieces of work go one after another, also those of other collectors. */
  readonly queue: SerialQueue;
  /** From when work was wanted; then its collector fails until it returns. */
  readonly timeoutMs: number;
  /** Aborted when the collector is closed. `nowMs`: of the tick that wanted it. */
  work(nowMs: number, signal: AbortSignal): Promise<void>;
  /** Frees what the work holds, once it is closed and no piece is under way. */
  end(): void | Promise<void>;
};

/** Work that may hang: a tick begins it and a later one sees how it went, but none waits for it. */
export class BackgroundWork {
  readonly #job: BackgroundJob;
  readonly #stop = new AbortController();
  #wantedAtMs = Number.NEGATIVE_INFINITY;
  #isUnderway = false;
  /** Its turn has come, if a piece is under way. */
  #hasBegun = false;
  #failure: unknown = null;

  constructor(job: BackgroundJob) {
    this.#job = job;
  }

  /**
   * Once a tick: begins a piece of work if none is under way and one is due.
   * @param isDue is given the milliseconds since one was last wanted
   * @throws OperationalError LIMIT when one takes too long, UNAVAILABLE when the last one failed
   */
  goOn(nowMs: number, isDue: (sinceMs: number) => boolean): void {
    // A clock that was set back begins the wait anew.
    if (nowMs < this.#wantedAtMs) this.#wantedAtMs = nowMs;
    const sinceMs = nowMs - this.#wantedAtMs;
    if (this.#isUnderway) {
      if (sinceMs >= this.#job.timeoutMs) throw this.#tooSlow();
    } else if (isDue(sinceMs)) {
      this.#wantedAtMs = nowMs;
      this.#isUnderway = true;
      this.#hasBegun = false;
      void this.#job.queue.run(() => this.#run(nowMs));
    }
    if (this.#failure !== null) throw this.#failure;
  }

  close(): void {
    this.#stop.abort();
    if (!this.#isUnderway) void this.#job.end();
  }

  async #run(nowMs: number): Promise<void> {
    const { signal } = this.#stop;
    this.#hasBegun = true;
    try {
      if (!signal.aborted) await this.#job.work(nowMs, signal);
      this.#failure = null;
    } catch (error) {
      this.#failure = failureOf(error);
    } finally {
      this.#isUnderway = false;
      if (signal.aborted) await this.#job.end();
    }
  }

  #tooSlow(): OperationalError {
    // Another collector then says the same of its own reading.
    const waits = this.#hasBegun ? "" : " of another collector, which this one waits for,";
    const seconds = this.#job.timeoutMs / 1000;
    return new OperationalError("LIMIT", `Reading${waits} has not ended within ${seconds} s`);
  }
}

/** The time of a reading that ends now. */
export function readingTimeMs(clock: Clock): number {
  return Math.floor(clock.nowMs() / TIME_PRECISION_MS) * TIME_PRECISION_MS;
}

function failureOf(error: unknown): unknown {
  if (error instanceof AssertionError || error instanceof OperationalError) return error;
  const message = `Reading failed: ${errorMessage(error)}`;
  return new OperationalError("UNAVAILABLE", message, { cause: error });
}
