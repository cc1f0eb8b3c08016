import type { Accounts, ClockMeasure, DroppedRange } from "../../shared/model/accounts.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";

export type CommitItem =
  | {
      readonly kind: "series";
      readonly node: string;
      readonly streamId: string;
      readonly epoch: number;
      readonly series: readonly SeriesDefinition[];
    }
  | {
      readonly kind: "frame";
      readonly node: string;
      readonly streamId: string;
      readonly bytes: Uint8Array;
    };

export type RejectionReason = "corrupt" | "no-base" | "unknown-series" | "future" | "out-of-order";

/** What became of an item; `seq` is 0 where it is not known. */
export type CommitOutcome =
  | { readonly kind: "defined"; readonly seriesKnown: number }
  | {
      readonly kind: "stored";
      readonly seq: number;
      readonly timeMs: number;
      readonly samples: number;
      /** Sequences that were left out before this one. */
      readonly missing: number;
    }
  | { readonly kind: "duplicate"; readonly seq: number }
  | {
      readonly kind: "rejected";
      readonly seq: number;
      readonly reason: RejectionReason;
      readonly detail: string;
    };

/** Where a stream stands; all 0 for one never seen. */
export type StreamPosition = {
  readonly framesStored: number;
  /** The last that were refused; both ends inclusive, ascending. */
  readonly refused: readonly {
    readonly fromSeq: number;
    readonly toSeq: number;
    readonly reason: RejectionReason;
  }[];
  readonly lastSeq: number;
  readonly epoch: number;
  readonly seriesKnown: number;
};

export type IngestStore = {
  position(node: string, streamId: string): StreamPosition;
  /**
   * Resolves, with an outcome for each item, when all are on the disk; nothing is visible before.
   * @throws OperationalError STORAGE when nothing of it was taken
   */
  commit(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]>;
};

type AgentIdentity = {
  readonly agentVersion: string;
  /** Where it connects from. */
  readonly address: string;
  readonly intervalMs: number;
};

/** An agent's books. */
export type AgentBooks = Accounts & {
  /** Other aggregators take frames of the stream too. */
  readonly isShared: boolean;
};

/** An agent's books beside what was stored here at the ack that they are as of. */
export type BooksReport = {
  readonly streamId: string;
  readonly told: AgentBooks;
  /** Frames of the stream stored here since its record was made; null: not known for that ack. */
  readonly framesStored: number | null;
  /** First of a connection, and what was settled before may lie elsewhere, or was dropped by age. */
  readonly isNewHere: boolean;
};

/** Who wants to know how the nodes stand. Every `connected` has its `disconnected`. */
export type IngestEvents = {
  /** @throws OperationalError LIMIT when the node cannot be taken */
  connected(node: string, identity: AgentIdentity): void;
  /** For each frame; `timeMs` is the tick's time where it is stored, else 0. */
  committed(
    node: string,
    timeMs: number,
    outcome: Exclude<CommitOutcome, { readonly kind: "defined" }>,
  ): void;
  accounted(node: string, report: BooksReport): void;
  droppedRanges(node: string, ranges: readonly DroppedRange[]): void;
  clockMeasured(node: string, measure: ClockMeasure): void;
  goodbye(node: string): void;
  disconnected(node: string): void;
};
