import type { Clock } from "../../shared/platform/ports.ts";
import { ApiError } from "./api-error.ts";

/** Why the alarm of a piece of work is switched off. */
const IN_TIME = "in time";

export type RunLimits = { readonly runningMax: number; readonly waitingMax: number };

/**
 * Lets so many pieces of work run at a time, so many wait, and none take longer than its time,
 * waiting included.
 */
export class RunLimiter {
  readonly #clock: Clock;
  readonly #limits: RunLimits;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(clock: Clock, limits: RunLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * Runs `work` with a signal that is aborted when the time is over or `cancel` is. The answer does
   * not wait for work that ignores its signal, but its place is taken until it ends.
   * @throws ApiError timeout, canceled, or unavailable when too many wait already
   */
  async run<T>(
    timeoutMs: number,
    cancel: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const end = new AbortController();
    const timer = new AbortController();
    const onCancel = () => end.abort(new ApiError("canceled", "The client went away"));
    cancel.addEventListener("abort", onCancel, { once: true });
    if (cancel.aborted) onCancel();
    const text = `The query took longer than ${timeoutMs / 1000} s`;
    this.#clock.sleep(timeoutMs, timer.signal).then(
      () => end.abort(new ApiError("timeout", text)),
      () => {}, // IN_TIME
    );
    try {
      await this.#enter(end.signal);
      return await orAborted(this.#hold(work, end.signal), end.signal);
    } finally {
      timer.abort(IN_TIME);
      cancel.removeEventListener("abort", onCancel);
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.#limits.runningMax) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.size >= this.#limits.waitingMax) {
      const count = this.#running + this.#waiting.size;
      throw new ApiError("unavailable", `${count} queries are running or waiting: try again later`);
    }
    let go: () => void = () => {};
    const turn = new Promise<void>((resolve) => {
      go = resolve;
    });
    this.#waiting.add(go);
    try {
      await orAborted(turn, signal);
    } catch (error) {
      // Its turn may have come in the same moment: then the place goes to the next.
      if (!this.#waiting.delete(go)) this.#leave();
      throw error;
    }
  }

  async #hold<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await work(signal);
    } finally {
      this.#leave();
    }
  }

  /** The place goes to whoever waits longest. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** The promise, or the signal's reason when that is aborted before. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
