import type { Labels } from "./labels.ts";

/**
 * The samples of one series over a stretch of time, oldest first, no time twice. `times` are Unix
 * milliseconds; a staleness marker in `values` is recognised by its bits (stale.ts). The reader
 * must not write to either column: the head may lend its own.
 */
export type SeriesColumns = {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
};

/**
 * What a select found, one series after the other. The columns of a series are valid until the next one
 * is taken. `length`: how many there are at most; those without samples are left out.
 */
export type SelectedSeries = { readonly length: number } & (
  | Iterable<SeriesColumns>
  | AsyncIterable<SeriesColumns>
);

/** One element of an instant vector. */
export type VectorSample = { readonly labels: Labels; readonly value: number };

export type MatchType = "=" | "!=" | "=~" | "!~";

/** A label matcher. A pattern is anchored at both ends; an absent label has the value "". */
export type Matcher = {
  readonly name: string;
  readonly type: MatchType;
  readonly value: string;
};
