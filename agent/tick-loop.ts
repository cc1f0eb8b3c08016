import type { Clock } from "../shared/platform/ports.ts";

/** A tick this late says when it really was read; an earlier one bears the full second it was for. */
const LATENESS_SHOWN_MS = 50;

export type Tick = {
  readonly timeMs: number;
  /** How late the tick began. */
  readonly lateMs: number;
  /** Ticks that should have been since the last one and were not. */
  readonly missed: number;
  /** The wall clock went back: the time is not after the last tick's. */
  readonly isClockBack: boolean;
};

/** Calls `onTick` on each full interval of the wall clock until the signal is aborted. */
export async function runTicks(
  clock: Clock,
  intervalMs: number,
  onTick: (tick: Tick) => void,
  signal: AbortSignal,
): Promise<void> {
  let lastTimeMs = 0;
  let lastAtMs = clock.monotonicMs();
  for (;;) {
    const dueMs = nextDueMs(clock.nowMs(), intervalMs);
    while (clock.nowMs() < dueMs) {
      await clock.sleep(dueMs - clock.nowMs(), signal);
      // A clock that went back moves the next full second nearer than what we slept for.
      if (nextDueMs(clock.nowMs(), intervalMs) < dueMs) break;
    }
    signal.throwIfAborted();
    const nowMs = clock.nowMs();
    const lateMs = Math.max(0, nowMs - dueMs);
    const timeMs = nowMs < dueMs || lateMs >= LATENESS_SHOWN_MS ? Math.floor(nowMs) : dueMs;
    const atMs = clock.monotonicMs();
    const missed = Math.max(0, Math.round((atMs - lastAtMs) / intervalMs) - 1);
    lastAtMs = atMs;
    onTick({
      timeMs,
      lateMs,
      missed: lastTimeMs === 0 ? 0 : missed,
      isClockBack: timeMs <= lastTimeMs,
    });
    lastTimeMs = timeMs;
  }
}

/** The first full interval after `nowMs`. */
function nextDueMs(nowMs: number, intervalMs: number): number {
  return (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
}
