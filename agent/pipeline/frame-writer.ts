import { OperationalError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/platform/ports.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";

/** Frames that may wait for a slow disk; one more and the disk counts as failing. */
export const PENDING_FRAMES_MAX = 60;

/** A queue of frames, as the writer needs it. */
type Queue = {
  /** The epoch that this process begins with. */
  readonly epoch: number;
  nextEpoch(): number;
  /** Resolves when the frame is durable; rejects when it could not be written. */
  append(frame: EncodedFrame): Promise<void>;
  /** Counts a frame that was made and will never be sent. */
  discard(frame: EncodedFrame, reason: string): void;
};

/**
 * Writes every frame to every queue: one where the agent sends to one aggregator at a time, one for
 * each where it mirrors. A slow or full one keeps none of the others from the frame, and none holds
 * up the ticks: a disk that takes seconds to sync delays a frame, it does not lose the next one.
 */
export class FrameWriter {
  readonly #outlets: readonly Outlet[];

  constructor(ways: readonly { readonly buffer: Queue; readonly logger: Logger }[]) {
    this.#outlets = ways.map(({ buffer, logger }) => new Outlet(buffer, logger));
  }

  /** The first that was used in none of the queues. */
  get epoch(): number {
    return Math.max(...this.#outlets.map(({ queue }) => queue.epoch));
  }

  nextEpoch(): number {
    return Math.max(...this.#outlets.map(({ queue }) => queue.nextEpoch()));
  }

  write(frame: EncodedFrame): void {
    for (const outlet of this.#outlets) outlet.write(frame);
  }

  /** Whether one of them lost frames since the last call: none may build on them. */
  takeFailure(): boolean {
    return this.#outlets.filter((outlet) => outlet.takeFailure()).length > 0;
  }

  /** Resolves when everything written so far is durable or lost. */
  async settled(): Promise<void> {
    for (const outlet of this.#outlets) await outlet.settled();
  }
}

/**
 * Writes frames in order to one queue. A frame that cannot be written takes those behind it with it,
 * because they build on it; the caller then begins a new epoch.
 */
class Outlet {
  readonly queue: Queue;
  readonly #logger: Logger;
  readonly #failures: FailureStreak;
  #pending: EncodedFrame[] = [];
  readonly #writes = new SerialQueue();
  #hasFailed = false;

  constructor(queue: Queue, logger: Logger) {
    this.queue = queue;
    this.#logger = logger;
    this.#failures = new FailureStreak(logger, "ticks are lost, the buffer cannot be written");
  }

  takeFailure(): boolean {
    const hasFailed = this.#hasFailed;
    this.#hasFailed = false;
    return hasFailed;
  }

  write(frame: EncodedFrame): void {
    const { seq, timeMs } = frame;
    if (this.#pending.length >= PENDING_FRAMES_MAX) {
      this.#fail(new Error(`${PENDING_FRAMES_MAX} frames wait to be written`));
      this.queue.discard(frame, "disk_slow");
      return;
    }
    this.#logger.debug({ seq, timeMs }, "tick made");
    this.#pending.push(frame);
    if (this.#pending.length === 1) void this.#writes.run(() => this.#drain());
  }

  settled(): Promise<void> {
    return this.#writes.settled();
  }

  async #drain(): Promise<void> {
    for (let frame = this.#pending[0]; frame !== undefined; frame = this.#pending[0]) {
      const { seq, timeMs } = frame;
      try {
        await this.queue.append(frame);
        this.#pending.shift();
        this.#logger.debug({ seq, timeMs }, "tick durable");
        this.#failures.succeeded();
      } catch (error) {
        const isLimit = error instanceof OperationalError && error.code === "LIMIT";
        for (const lost of this.#pending) this.queue.discard(lost, isLimit ? "limit" : "disk_full");
        this.#pending = [];
        this.#fail(error);
      }
    }
  }

  #fail(error: unknown): void {
    this.#failures.failed(error);
    this.#hasFailed = true;
  }
}
