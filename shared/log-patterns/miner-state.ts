/** A miner at rest, as plain values: `JSON.stringify` keeps all of it. */
export type MinerState = {
  readonly version: 1;
  readonly lines: number;
  /** Lines whose pattern was evicted. */
  readonly otherCount: number;
  readonly hasForgotten: boolean;
  /** From an id to the one that it was merged into; oldest first. */
  readonly mergedIds: readonly (readonly [from: string, into: string])[];
  readonly shapes: readonly {
    readonly fresh: number;
    readonly masks: readonly (readonly number[])[];
    readonly patterns: readonly SavedPattern[];
  }[];
};

type SavedPattern = {
  readonly id: string;
  readonly texts: readonly string[];
  readonly gaps: readonly boolean[];
  readonly hasHeader: boolean;
  readonly count: number;
  readonly leaves: number;
  readonly lastLine: number;
};
