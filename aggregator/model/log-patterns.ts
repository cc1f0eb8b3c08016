import type { Matcher } from "../../shared/model/columns.ts";
import type { TimeRange } from "./log-lines.ts";

/** What is told of one pattern. */
export type PatternRow = {
  readonly id: string;
  readonly template: string;
  readonly example: string;
  /** Lines in the time that was asked for, and of the streams. */
  readonly count: number;
  /** Of the earliest and latest line of any stream, at any time; Unix microseconds. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** Lines by step, as many as there are steps. */
  readonly counts: readonly number[];
};

/** Rows are the most frequent first; `lines` and `patterns` are of all, whatever the limit. */
export type PatternList = {
  readonly rows: readonly PatternRow[];
  readonly patterns: number;
  readonly lines: number;
  /** Of the first step, Unix milliseconds; a multiple of the step. */
  readonly startMs: number;
  readonly stepMs: number;
};

/** Times are widened to whole steps, and a step to a whole number of 5 minutes. */
export type PatternQuery = {
  readonly matchers: readonly Matcher[];
  readonly range: TimeRange;
  readonly stepMs: number;
  readonly limit: number;
};

/** Lines by template and time: `samples` are of a step's start, Unix seconds, and its lines. */
export type PatternSamples = {
  readonly template: string;
  readonly samples: readonly (readonly [timeS: number, count: number])[];
};

/** Where patterns come from. @throws OperationalError QUERY for a bad matcher, LIMIT, STORAGE */
export type PatternSource = {
  list(query: PatternQuery): Promise<PatternList>;
  /** The most frequent first. */
  patterns(
    matchers: readonly Matcher[],
    range: TimeRange,
    stepMs: number,
  ): Promise<readonly PatternSamples[]>;
};
