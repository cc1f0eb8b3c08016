import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/platform/ports.ts";
import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";

/** Frames that may wait for a slow disk; one more and the disk counts as failing. */
export const PENDING_FRAMES_MAX = 60;

export type FrameStore = {
  /** True: durable; false: dropped and counted. Rejects when the frame could not be written. */
  append(frame: EncodedFrame): Promise<boolean>;
  /** Counts a frame that was made and will never be sent. */
  discard(frame: EncodedFrame, reason: string): void;
};

/**
 * Writes frames in order without holding up the ticks: a disk that takes seconds to sync delays a
 * frame, it does not lose the next one. A frame that cannot be written takes those behind it with
 * it, because they build on it; the caller then begins a new epoch.
 */
export class FrameWriter {
  readonly #store: FrameStore;
  readonly #logger: Logger;
  #pending: EncodedFrame[] = [];
  #work: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #isFailing = false;

  constructor(store: FrameStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Whether frames were lost since the last call: the next frame must not build on them. */
  takeFailure(): boolean {
    const hasFailed = this.#hasFailed;
    this.#hasFailed = false;
    return hasFailed;
  }

  write(frame: EncodedFrame): void {
    if (this.#pending.length >= PENDING_FRAMES_MAX) {
      this.#fail(new Error(`${PENDING_FRAMES_MAX} frames wait to be written`));
      this.#store.discard(frame, "disk_slow");
      return;
    }
    this.#logger.debug({ seq: frame.seq, timeMs: frame.timeMs }, "tick made");
    this.#pending.push(frame);
    if (this.#pending.length === 1) this.#work = this.#work.then(() => this.#drain());
  }

  /** Resolves when everything written so far is durable or lost. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async #drain(): Promise<void> {
    for (let frame = this.#pending[0]; frame !== undefined; frame = this.#pending[0]) {
      try {
        if (!(await this.#store.append(frame))) {
          this.#pending.shift();
          throw new OperationalError("LIMIT", "The buffer is full");
        }
        this.#logger.debug({ seq: frame.seq, timeMs: frame.timeMs }, "tick durable");
        if (this.#isFailing)
          this.#logger.info({ seq: frame.seq }, "the buffer can be written again");
        this.#isFailing = false;
        this.#pending.shift();
      } catch (error) {
        const reason =
          error instanceof OperationalError && error.code === "LIMIT" ? "limit" : "disk_full";
        for (const lost of this.#pending) this.#store.discard(lost, reason);
        this.#pending = [];
        this.#fail(error);
      }
    }
  }

  #fail(error: unknown): void {
    if (!this.#isFailing) {
      this.#logger.error(
        { error: errorMessage(error) },
        "cannot write to the buffer: ticks are lost",
      );
    }
    this.#isFailing = true;
    this.#hasFailed = true;
  }
}
