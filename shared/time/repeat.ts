import { AssertionError } from "node:assert/strict";
import type { Clock, Logger } from "../platform/ports.ts";
import { FailureStreak } from "./failure-streak.ts";

export type Repetition = {
  run(signal: AbortSignal): void | Promise<void>;
  /** From the end of a run to the start of the next, after so many failures in a row. */
  pauseMs(failures: number): number;
  /** What is logged when a run fails, such as "cannot write chunks". */
  readonly failure: string;
};

/**
 * Runs at once, then after each pause, until the signal is aborted. Failures are logged once a
 * streak and do not end it; an assertion does.
 */
export async function repeat(
  { run, pauseMs, failure }: Repetition,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  const streak = new FailureStreak(logger, failure);
  while (!signal.aborted) {
    try {
      await run(signal);
      streak.succeeded();
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      if (signal.aborted) return;
      streak.failed(error);
    }
    await sleepUnlessAborted(clock, pauseMs(streak.failures), signal);
  }
}

/** Resolves after `ms`, or as soon as the signal is aborted: the caller looks which. */
export async function sleepUnlessAborted(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  await clock.sleep(ms, signal).catch((error) => {
    if (!signal.aborted) throw error;
  });
}
