import type { Labels } from "../../shared/model/labels.ts";

/** Series that come with the same time: a group of the frame. The sender's own. */
export type Cohort = {
  group: number;
  readonly members: Set<OneSeries>;
  /** How often its members have parted from others. */
  readonly partings: number;
  /** Of the last reading, Unix milliseconds: as it was sent, and as it was read. */
  sentMs: number;
  readMs: number;
  /** As it was sent, of the reading that the next tick takes. */
  pendingMs: number | null;
  /** The tick in which no other reading may be begun. */
  busyTick: number;
  /** On the monotonic clock. */
  heardMs: number;
};

/** Before all times. */
export const NEVER = Number.NEGATIVE_INFINITY;

/** A series of a sender. Receivers keep it to find it without its labels, until it is retired. */
export class OneSeries {
  readonly labels: Labels;
  /** What is not sent of it has not changed. */
  readonly isHeld: boolean;
  isRetired = false;

  // What follows is the sender's own.
  cohort: Cohort | null = null;
  slot = -1;
  isDouble = false;
  /** How often it came apart from its cohort. */
  partings = 0;
  value = 0;
  /** It was said to have ended. */
  isEnded = false;
  /** Of its last value: its own time, and that of its cohort's reading. Unix milliseconds. */
  sentMs = NEVER;
  cohortMs = NEVER;
  /** The tick that takes its last value. */
  tick = -1;
  /** On the monotonic clock. */
  heardMs: number;

  constructor(labels: Labels, isHeld: boolean, heardMs: number) {
    this.labels = labels;
    this.isHeld = isHeld;
    this.heardMs = heardMs;
  }
}
