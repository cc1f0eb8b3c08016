/** The share of the time in which commits ran, the last seconds counting most. */
export type BusyShare = {
  /** 0 to 1. */
  readonly share: number;
  /** Up to when it counts, monotonic milliseconds. */
  readonly atMs: number;
};

/** A time that lies this far back counts a third of the present. */
const FADE_MS = 10_000;

/** With the time since then, in which a commit ran throughout or none did. */
export function nextBusyShare(
  { share, atMs }: BusyShare,
  nowMs: number,
  isBusy: boolean,
): BusyShare {
  const kept = Math.exp((atMs - nowMs) / FADE_MS);
  return { share: share * kept + (isBusy ? 1 - kept : 0), atMs: nowMs };
}

/**
 * What agents are sent, 0 to 1000: the scarcer of time and memory. Commits share an fsync, so that
 * one that is always busy may still take more: it says who has more to do, not how much is left.
 * @param pendingShare of the memory for what waits for a commit, 0 to 1 and a little over
 */
export function loadPermille(busyShare: number, pendingShare: number): number {
  return Math.min(1000, Math.round(1000 * Math.max(busyShare, pendingShare)));
}
