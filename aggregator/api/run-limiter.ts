import type { Clock } from "../../shared/platform/ports.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { ApiError } from "./api-error.ts";

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
   * @throws ApiError timeout, unavailable when too many wait already, or the reason of `cancel`
   */
  async run<T>(
    timeoutMs: number,
    cancel: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const text = `The query took longer than ${timeoutMs / 1000} s`;
    const late = () => new ApiError("timeout", text);
    const deadline = { clock: this.#clock, ms: timeoutMs, signal: cancel, late };
    return await withDeadline(deadline, async (signal) => {
      await this.#enter(signal);
      try {
        signal.throwIfAborted(); // it may have been in the moment in which its turn came
        return await work(signal);
      } finally {
        this.#leave();
      }
    });
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
    await new Promise<void>((resolve, reject) => {
      const go = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(go);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(go);
    });
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
