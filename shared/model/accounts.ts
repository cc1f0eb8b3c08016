/** Where every frame is that an agent made since its buffer was: made = stored + waiting + dropped. */
export type Accounts = {
  readonly made: number;
  readonly stored: number;
  readonly waiting: number;
  readonly dropped: readonly {
    readonly reason: string;
    readonly frames: number;
    readonly samples: number;
  }[];
  /** Everything up to here is stored or dropped. */
  readonly settledSeq: number;
};

/** Frames one after the other that were made and will not arrive, and why. */
export type DroppedRange = {
  /** Ascending; an id that was reported keeps its range until the aggregator has it. */
  readonly id: number;
  readonly fromSeq: number;
  /** Inclusive. */
  readonly toSeq: number;
  /** Of the first and the last tick, Unix milliseconds; 0: not known. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
  /** Fewer than lie between the ends where ranges had to be joined. */
  readonly frames: number;
  readonly samples: number;
};

export type ClockMeasure = {
  /** How far the node's clock is ahead of the aggregator's; negative: behind. */
  readonly aheadMs: number;
  /** Half of it is the most that `aheadMs` can be wrong. */
  readonly roundTripMs: number;
};
