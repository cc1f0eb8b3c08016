import type { Clock } from "../../shared/platform/ports.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import { TIME_PRECISION_MS } from "../../shared/wire/frame.ts";

/** A tick this late says when it really was read; an earlier one bears the full second it was for. */
const LATENESS_SHOWN_MS = TIME_PRECISION_MS;
/** After a jump of the clock the next tick is at least this part of an interval away. */
const PAUSE_MIN_RATIO = 0.4;

export type Tick = {
  readonly timeMs: number;
  /** How late the tick began. */
  readonly lateMs: number;
  /** Ticks that should have been since the last one and were not. */
  readonly missed: number;
  /** The wall clock went back: the time is not after the last tick's. */
  readonly isClockBack: boolean;
};

/**
 * Calls `onTick` on each full interval of the wall clock until the signal is aborted. Between two
 * ticks it sleeps by the monotonic clock, so that a jump of the wall clock neither holds a tick up nor
 * makes one more: the first tick after a jump says when it was, the next falls on a full interval.
 */
export async function runTicks(
  clock: Clock,
  intervalMs: number,
  onTick: (tick: Tick) => void,
  signal: AbortSignal,
): Promise<void> {
  const times = new TickTimes();
  let lastAtMs: number | null = null;
  let dueMs = nextDueMs(clock.nowMs(), intervalMs);
  for (;;) {
    const dueAtMs = clock.monotonicMs() + dueMs - clock.nowMs();
    await sleepUntil(clock, dueMs, signal);
    if (signal.aborted) return;
    const nowMs = clock.nowMs();
    const atMs = clock.monotonicMs();
    const aheadMs = nowMs - dueMs;
    const lateMs = Math.max(0, atMs - dueAtMs);
    const isOnTime = aheadMs >= 0 && aheadMs < LATENESS_SHOWN_MS;
    const intervals = lastAtMs === null ? 1 : Math.round((atMs - lastAtMs) / intervalMs);
    lastAtMs = atMs;
    const shownMs = Math.floor(nowMs / TIME_PRECISION_MS) * TIME_PRECISION_MS;
    const { timeMs, isClockBack } = times.next(isOnTime ? dueMs : shownMs);
    onTick({ timeMs, lateMs, missed: Math.max(0, intervals - 1), isClockBack });
    const hasJumped = Math.abs(aheadMs - lateMs) >= LATENESS_SHOWN_MS;
    dueMs = nextDueMs(hasJumped ? nowMs + intervalMs * PAUSE_MIN_RATIO : nowMs, intervalMs);
  }
}

/**
 * Gives each tick a time of its own. Where the clock went back, seconds come again: in the stretch
 * that is repeated ticks bear a millisecond more, two in the next repetition, and so on. Times come
 * in multiples of 50 ms, so that these are never the same as another's.
 */
class TickTimes {
  #lastMs = 0;
  #highestMs = 0;
  #repetitions = 0;

  next(dueMs: number): { readonly timeMs: number; readonly isClockBack: boolean } {
    const isRepeated = dueMs <= this.#highestMs;
    if (isRepeated && dueMs + this.#repetitions <= this.#lastMs) this.#repetitions += 1;
    const timeMs = dueMs + (isRepeated ? this.#repetitions % TIME_PRECISION_MS : 0);
    const isClockBack = timeMs <= this.#lastMs;
    this.#lastMs = timeMs;
    this.#highestMs = Math.max(this.#highestMs, timeMs);
    return { timeMs, isClockBack };
  }
}

/** Or until it is aborted. Timers may be early by some ms; a clock that is further back was set. */
async function sleepUntil(clock: Clock, dueMs: number, signal: AbortSignal): Promise<void> {
  let restMs = dueMs - clock.nowMs();
  do {
    await sleepUnlessAborted(clock, restMs, signal);
    restMs = dueMs - clock.nowMs();
  } while (!signal.aborted && restMs > 0 && restMs < LATENESS_SHOWN_MS);
}

/** The first full interval after `nowMs`. */
function nextDueMs(nowMs: number, intervalMs: number): number {
  return (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
}
