import type { Matcher } from "../../shared/model/columns.ts";
import type { Labels } from "../../shared/model/labels.ts";

/** One line. `metadata` is what was found out of it and is no label of its stream. */
export type LogEntry = {
  readonly timeUs: number; // Unix microseconds
  readonly line: string;
  readonly metadata: Labels;
};

/** Lines of one source, in batches, each read when it is asked for. */
export type LogStream = {
  readonly labels: Labels;
  /** No line comes before it in the direction, so that nothing is read until others came so far. */
  readonly frontUs: number; // Unix microseconds
  readonly entries: AsyncIterable<readonly LogEntry[]>;
};

export type Direction = "forward" | "backward";

/** `startUs` <= time < `endUs`, Unix microseconds. */
export type TimeRange = { readonly startUs: number; readonly endUs: number };

/** What every line that the query can want is sure to hold, so that blocks without it are skipped. */
export type LineHints = {
  readonly substrings: readonly string[]; // case sensitive; each of them, in any order
};

/** Where lines come from. */
export type LogSource = {
  /**
   * Streams that match, each in the direction's order of time. It may give lines that the hints
   * exclude, and streams without a line.
   */
  select(
    matchers: readonly Matcher[],
    range: TimeRange,
    direction: Direction,
    hints: LineHints,
  ): AsyncIterable<LogStream> | Promise<readonly LogStream[]>;
};

/** A line as the stages of a query left it. Lines of the same labels mostly share the array. */
export type ResultLine = {
  readonly labels: Labels;
  /** Of these labels, those as the line came in with them: of its stream, and found out of it. */
  readonly stream: Labels;
  readonly metadata: Labels;
  readonly timeUs: number;
  readonly line: string;
};

export type LogsRequest = TimeRange & {
  readonly direction: Direction;
  readonly limit: number; // lines at most
};

/** What a query has read so far. */
export type ScanStatistics = { readonly lines: number; readonly bytes: number };

/** What a log query gives, as it is read; `statistics` grow with it. */
export type ResultLines = {
  readonly lines: AsyncIterable<readonly ResultLine[]>;
  readonly statistics: ScanStatistics;
};
