import type { Clock } from "../platform/ports.ts";

export type Deadline = {
  readonly clock: Clock;
  readonly ms: number;
  /** Ends the work early, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** What to reject with when the time is over. */
  late(): unknown;
};

/** Why the signal of work that has ended is aborted. */
const ENDED = "the work has ended";

/**
 * Gives the work `ms` milliseconds. Its signal is aborted when they are over, when `signal` is
 * aborted, and when the work has ended, for whatever it leaves running. Does not wait for work that
 * ignores its signal.
 * @throws what `late` returns, the signal's reason, or what the work throws
 */
export async function withDeadline<T>(
  { clock, ms, signal, late }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const end = new AbortController();
  let stop = (_reason: unknown) => {};
  const cut = new Promise<never>((_, reject) => {
    stop = (reason) => {
      reject(reason); // before the work hears of it, which may throw something else then
      end.abort(reason);
    };
  });
  cut.catch(() => {}); // the race below reports it
  const abort = () => stop(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  clock.sleep(ms, end.signal).then(
    () => stop(late()),
    () => {}, // ended in time
  );
  try {
    return await Promise.race([cut, work(end.signal)]);
  } finally {
    signal?.removeEventListener("abort", abort);
    end.abort(ENDED);
  }
}
