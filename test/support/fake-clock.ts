import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../shared/platform/ports.ts";

/** A Tuesday; any fixed instant would do. On a whole second. */
export const FAKE_START_MS = 1_767_700_800_000;

/** One advance that fires more sleepers than this stands still in time: a loop sleeps 0 ms. */
const FIRED_MAX = 1_000_000;

type Sleeper = {
  readonly dueMs: number;
  wake: (() => void) | null; // null: no longer waits
};

/**
 * Time that stands still until a test moves it. `advance` wakes the sleepers one by one in the
 * order of their times (of the same time: in the order they went to sleep) and lets all promise work
 * that follows settle before the next, so a run is a pure function of its inputs as long as the
 * code under test waits for nothing but promises and this clock.
 */
export class FakeClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  /** The next to wake is the last; of those due at one time the first that went to sleep. */
  readonly #sleepers: Sleeper[] = [];

  constructor(startMs = FAKE_START_MS) {
    this.#wallOffsetMs = startMs;
  }

  nowMs(): number {
    return Math.floor(this.#wallOffsetMs + this.#monotonicMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** The wall clock jumps; the monotonic one does not notice. */
  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const dueMs = this.#monotonicMs + Math.max(0, ms);
      const sleeper: Sleeper = { dueMs, wake: null };
      const onAbort = () => {
        sleeper.wake = null;
        reject(signal?.reason);
      };
      sleeper.wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const before = this.#sleepers.findLastIndex((other) => other.dueMs > dueMs);
      this.#sleepers.splice(before + 1, 0, sleeper);
    });
  }

  /** When the next sleeper is due on the monotonic clock; Infinity when nobody sleeps. */
  nextDueMs(): number {
    while (this.#sleepers.at(-1)?.wake === null) this.#sleepers.pop();
    return this.#sleepers.at(-1)?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  async advance(ms: number): Promise<void> {
    await this.advanceWhile(ms, () => true);
  }

  /** As `advance`, but stops early, at the time reached, when `goOn` says no after a wake-up. */
  async advanceWhile(ms: number, goOn: () => boolean): Promise<void> {
    const targetMs = this.#monotonicMs + ms;
    await settle();
    for (let fired = 0; goOn(); fired += 1) {
      if (fired > FIRED_MAX) throw new Error(`Time stands still at ${this.#monotonicMs} ms`);
      const dueMs = this.nextDueMs();
      this.#monotonicMs = Math.max(this.#monotonicMs, Math.min(dueMs, targetMs));
      if (dueMs > targetMs) return;
      this.#sleepers.pop()?.wake?.();
      await settle();
    }
  }
}

/** Lets every promise reaction run that can run without time going on or anything from outside. */
export async function settle(): Promise<void> {
  await nextTurn();
}
