import type { Labels } from "./labels.ts";

/** What an agent tells of a target, and of what it does not scrape. For people: there are no secrets in it. */
export type KnownTarget = {
  /** Of its agent, and never of another target of the same stream. */
  readonly id: number;
  readonly isProbe: boolean;
  /** `job_name`; the label `job` may be another. */
  readonly job: string;
  readonly url: string;
  readonly labels: Labels;
  /** Before relabelling. */
  readonly discovered: Labels;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** `unknown`: not scraped yet. */
  readonly health: TargetHealth;
  /** Of the last scrape, "" for none. */
  readonly error: string;
  /** Of its last page. */
  readonly leftOut: readonly LeftOutSamples[];
  /** Texts of it were too long. */
  readonly isCut: boolean;
};

export type TargetHealth = "unknown" | "up" | "down";

export type LeftOutSamples = { readonly reason: string; readonly samples: number };

export type TargetNotes = {
  /** The first ones. */
  readonly dropped: readonly DroppedTarget[];
  /** All of them. */
  readonly droppedCounts: readonly { readonly job: string; readonly count: number }[];
  /** The first ones. */
  readonly refused: readonly RefusedTarget[];
  readonly refusedCount: number;
  readonly offers: readonly TargetOffer[];
  readonly offersLeftOut: number;
  /** Targets that there was no room to tell of. */
  readonly targetsLeftOut: number;
};

export type DroppedTarget = {
  readonly job: string;
  readonly discovered: Labels;
  readonly reason: string;
};

/** A container or a unit that asks to be scraped, and is not. */
export type RefusedTarget = {
  /** The container's name or the unit's. */
  readonly subject: string;
  readonly reason: string;
};

/** A port that looks as if somebody could be scraped there. */
export type TargetOffer = {
  readonly port: number;
  /** That it listens on. */
  readonly address: string;
  /** That listens; "" where it is not known, as the next two. */
  readonly program: string;
  readonly container: string;
  readonly unit: string;
  /** That it probably is. */
  readonly what: string;
  /** The lines to write, so that it is scraped. */
  readonly accept: string;
};

/** What one message says. */
export type TargetReport = {
  /** Nothing that was told before stands any more. */
  readonly isFirst: boolean;
  readonly targets: readonly KnownTarget[];
  /** Ids. */
  readonly gone: readonly number[];
  /** Null: as they were told last. */
  readonly notes: TargetNotes | null;
};

export const NO_NOTES: TargetNotes = {
  dropped: [],
  droppedCounts: [],
  refused: [],
  refusedCount: 0,
  offers: [],
  offersLeftOut: 0,
  targetsLeftOut: 0,
};
