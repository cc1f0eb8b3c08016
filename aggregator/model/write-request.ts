import type { Labels } from "../../shared/model/labels.ts";

/**
 * Samples that somebody writes to the aggregator, series by series; each has a time of its own.
 * Samples of series `i` are those from `starts[i]` up to, not including, `starts[i + 1]`.
 */
export type WriteRequest = {
  /** One text a series: the same text, the same labels. */
  readonly keys: readonly string[];
  /** @throws OperationalError PARSE for labels that cannot be stored */
  readonly labelsOf: (key: string) => Labels;
  readonly starts: readonly number[];
  /** Unix milliseconds. */
  readonly times: Float64Array;
  /** A staleness marker is known by its bits. */
  readonly values: Float64Array;
  /** Memory that it holds until it is committed, roughly. */
  readonly bytes: number;
};

export type WriteRefusal =
  | "out_of_order" // before the series' last sample
  | "duplicate" // another value at the time of a sample that is there
  | "old" // older than what is kept
  | "future" // too far ahead of the clock
  | "labels" // cannot be stored
  | "series"; // more series than there is room for

export type RefusedSamples = {
  readonly reason: WriteRefusal;
  readonly samples: number;
  /** Of the first one: what is wrong, and the series. */
  readonly detail: string;
};

/** What became of a write request. `repeated` samples were stored before, with the same values. */
export type WriteOutcome = {
  readonly kind: "written";
  readonly samples: number;
  readonly repeated: number;
  readonly refused: readonly RefusedSamples[];
};
