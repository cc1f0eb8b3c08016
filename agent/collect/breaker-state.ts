/** Whether a collector is let run: after so many bad runs in a row it is left alone for a while. */
export type Breaker = {
  readonly badRuns: number;
  readonly openUntilMs: number;
  readonly openForMs: number;
};

const BAD_RUNS_MAX = 5;
const OPEN_FIRST_MS = 10_000;
const OPEN_MAX_MS = 60_000;

export const CLOSED: Breaker = { badRuns: 0, openUntilMs: 0, openForMs: OPEN_FIRST_MS };

/**
 * The breaker after a run at `nowMs`. A good run closes it. While it is open nothing runs; the run
 * after that decides: bad, and it opens again for twice as long.
 */
export function nextBreaker(breaker: Breaker, isGood: boolean, nowMs: number): Breaker {
  if (isGood) return CLOSED;
  const badRuns = breaker.badRuns + 1;
  if (badRuns < BAD_RUNS_MAX) return { ...breaker, badRuns };
  const openForMs = Math.min(breaker.openForMs * 2, OPEN_MAX_MS);
  return { badRuns, openUntilMs: nowMs + breaker.openForMs, openForMs };
}

/** A clock that was set back closes it. */
export function isOpen({ openUntilMs, openForMs }: Breaker, nowMs: number): boolean {
  return nowMs < openUntilMs && openUntilMs - nowMs <= openForMs;
}
