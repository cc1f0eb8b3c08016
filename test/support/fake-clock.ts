import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../shared/platform/ports.ts";

/** A Tuesday; any fixed instant would do. On a whole second. */
export const FAKE_START_MS = 1_767_700_800_000;

/** One advance that fires more sleepers than this stands still in time: a loop sleeps 0 ms. */
const FIRED_MAX = 1_000_000;

type Sleeper = {
  readonly dueMs: number;
  readonly order: number;
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
  #order = 0;
  readonly #heap: Sleeper[] = [];

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
      const sleeper: Sleeper = { dueMs, order: this.#order, wake: null };
      this.#order += 1;
      const onAbort = () => {
        sleeper.wake = null;
        reject(signal?.reason);
      };
      sleeper.wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      push(this.#heap, sleeper);
    });
  }

  /** When the next sleeper is due on the monotonic clock; Infinity when nobody sleeps. */
  nextDueMs(): number {
    this.#dropCancelled();
    return this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY;
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
      if (this.nextDueMs() > targetMs) {
        this.#monotonicMs = targetMs;
        return;
      }
      const sleeper = pop(this.#heap);
      this.#monotonicMs = Math.max(this.#monotonicMs, sleeper.dueMs);
      sleeper.wake?.();
      await settle();
    }
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.wake === null) pop(this.#heap);
  }
}

/** Lets every promise reaction run that can run without time going on or anything from outside. */
export async function settle(): Promise<void> {
  await nextTurn();
}

function isBefore(a: Sleeper, b: Sleeper): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

function push(heap: Sleeper[], sleeper: Sleeper): void {
  let index = heap.length;
  heap.push(sleeper);
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex] as Sleeper;
    if (!isBefore(sleeper, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = sleeper;
}

/** The heap must not be empty. */
function pop(heap: Sleeper[]): Sleeper {
  const first = heap[0] as Sleeper;
  const last = heap.pop() as Sleeper;
  if (heap.length === 0) return first;
  let index = 0;
  for (;;) {
    let childIndex = 2 * index + 1;
    const left = heap[childIndex];
    if (left === undefined) break;
    const right = heap[childIndex + 1];
    const child = right !== undefined && isBefore(right, left) ? right : left;
    if (child === right) childIndex += 1;
    if (!isBefore(child, last)) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = last;
  return first;
}
