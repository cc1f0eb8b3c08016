import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { WriteOutcome, WriteRequest } from "./write-request.ts";

/**
 * What a stream of a node hands to its store, in order: definitions, then frames that need them, or
 * blocks of log lines; or what somebody writes, which is of no stream.
 */
export type CommitItem = { readonly node: string; readonly streamId: string } & (
  | {
      readonly kind: "series";
      readonly epoch: number;
      readonly series: readonly SeriesDefinition[];
    }
  | { readonly kind: "frame" | "block"; readonly bytes: Uint8Array }
  | { readonly kind: "samples"; readonly request: WriteRequest }
);

/** What a definition takes beside its labels' texts. */
const DEFINITION_BYTES = 32;

/** Memory that an item holds until it is committed, roughly. */
export function itemBytes(item: CommitItem): number {
  if (item.kind === "samples") return item.request.bytes;
  if (item.kind !== "series") return item.bytes.length;
  let bytes = 0;
  for (const { labels } of item.series) {
    bytes += DEFINITION_BYTES;
    for (const text of labels) bytes += text.length;
  }
  return bytes;
}

export type RejectionReason = "corrupt" | "no-base" | "unknown-series" | "future" | "out-of-order";

/** What became of a frame or block; `seq` is 0 where not even that can be read. */
export type FrameOutcome =
  | {
      readonly kind: "stored";
      readonly seq: number;
      readonly timeMs: number;
      /** Or lines. */
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

/** Definitions are defined, or rejected with sequence 0. */
export type CommitOutcome =
  | { readonly kind: "defined"; readonly seriesKnown: number }
  | WriteOutcome
  | FrameOutcome;

/** Frames of one epoch whose samples were refused for one reason; both ends inclusive. */
export type RefusedRange = {
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly reason: "future" | "out-of-order";
};

/** Where a stream stands: what is safe here. All 0 for one never seen. */
export type StreamPosition = {
  readonly lastSeq: number;
  readonly epoch: number;
  readonly seriesKnown: number;
  readonly framesStored: number;
  /** The last that were refused, ascending: their agent may not have heard of it. */
  readonly refused: readonly RefusedRange[];
};

/** A stream of a node, as the store shows it. */
export type StreamStatus = {
  readonly node: string;
  readonly streamId: string;
  readonly lastSeq: number;
  /** Time of its newest tick, 0 where there is none. */
  readonly lastTickMs: number;
  readonly seriesAlive: number;
};
