/** Whether a flush of a group sends to one integration. Pure; the rules are Alertmanager's. */

/** What an integration was last sent of a group. The sets hold digests of alerts. */
export type Sent = {
  readonly timeMs: number;
  readonly firing: ReadonlySet<string>;
  readonly resolved: ReadonlySet<string>;
  /** Of those that fire, what has ended since while it was muted: what fires now is another alert. */
  readonly unheard: ReadonlySet<string>;
};

/** What an integration may have been told, by digests: of attempts nobody knows how they ended. */
export type Heard = {
  readonly firing: ReadonlySet<string>;
  readonly resolved: ReadonlySet<string>;
};

/** What a group holds when it is flushed, without what is silenced or inhibited. */
export type Standing = {
  readonly firing: ReadonlySet<string>;
  readonly resolved: ReadonlySet<string>;
  /** Somebody has acknowledged all that fires: it needs not be repeated. */
  readonly isAcknowledged: boolean;
};

export type FlushTiming = {
  readonly nowMs: number;
  readonly repeatIntervalMs: number;
  readonly sendsResolved: boolean;
};

/** `sent` null: nothing was ever sent, or nothing that fires since. */
export function needsSend(sent: Sent | null, now: Standing, timing: FlushTiming): boolean {
  if (sent === null) return now.firing.size > 0;
  if (!isSubset(now.firing, sent.firing)) return true;
  for (const digest of sent.unheard) if (now.firing.has(digest)) return true;
  if (now.firing.size === 0) return sent.firing.size > 0;
  if (timing.sendsResolved && !isSubset(now.resolved, sent.resolved)) return true;
  if (now.isAcknowledged) return false;
  // After the clock was set back the time of the last send may be yet to come.
  const sinceMs = Math.max(0, timing.nowMs - sent.timeMs);
  return sinceMs > timing.repeatIntervalMs;
}

export function joinHeard(some: Heard, more: Heard): Heard {
  return {
    firing: new Set([...some.firing, ...more.firing]),
    resolved: new Set([...some.resolved, ...more.resolved]),
  };
}

/** Whether it may believe that something fires that is over, or that something is over that fires. */
export function mayBeWrong({ firing, resolved }: Heard, now: Standing): boolean {
  for (const digest of firing) if (!now.firing.has(digest)) return true;
  for (const digest of resolved) if (now.firing.has(digest)) return true;
  return false;
}

function isSubset(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  if (some.size > all.size) return false;
  for (const one of some) if (!all.has(one)) return false;
  return true;
}
