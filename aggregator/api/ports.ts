import type { OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import type { Labels } from "../../shared/model/labels.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Person, ServerTls, Standing } from "../model/access.ts";
import type {
  LogsRequest,
  ResultLine,
  ResultLines,
  ScanStatistics,
  TimeRange,
} from "../model/log-lines.ts";
import type { QuerySpan } from "../query/grid.ts";
import type { QueryResult } from "../query/result.ts";

/** Times are Unix milliseconds everywhere here; 0 where there is none. */

/** An expression that was read and checked; running it stops soon after the signal is aborted. */
export type CompiledQuery = {
  readonly type: "scalar" | "string" | "vector" | "matrix";
  instant(timeMs: number, signal: AbortSignal): Promise<QueryResult>;
  range(span: QuerySpan, signal: AbortSignal): Promise<QueryResult>;
};

export type QueryPort = {
  /** @throws OperationalError QUERY when the text is no PromQL expression */
  compile(text: string): CompiledQuery;
  /** @throws OperationalError QUERY when the text is no series selector */
  parseSelector(text: string): readonly Matcher[];
  /** The same expression in the one way of writing it. @throws OperationalError QUERY */
  format(text: string): string;
  /** Taken apart, for JSON. @throws OperationalError QUERY */
  parsed(text: string): object;
};

/** What a metric query of LogQL gives. */
export type LogsResult = QueryResult & { readonly statistics: ScanStatistics };

/** A LogQL expression that was read and checked: of lines, or of numbers made of them. */
export type CompiledLogs =
  | {
      readonly kind: "lines";
      lines(request: LogsRequest, signal: AbortSignal): ResultLines;
      /** The newest lines, oldest first, then those that are stored later, until the abort. */
      follow(request: FollowRequest, signal: AbortSignal): AsyncIterable<readonly ResultLine[]>;
    }
  | {
      readonly kind: "metric";
      instant(timeMs: number, signal: AbortSignal): Promise<LogsResult>;
      range(span: QuerySpan, signal: AbortSignal): Promise<LogsResult>;
    };

/** `limit`: of the lines that are there already. */
export type FollowRequest = Omit<LogsRequest, "direction">;

export type LogsPort = {
  /** @throws OperationalError QUERY when the text is no LogQL expression */
  compile(text: string): CompiledLogs;
  /** @throws OperationalError QUERY when the text is no stream selector */
  parseSelector(text: string): readonly Matcher[];
  /** Label sets of the streams that match one of the sets, or of all, with lines in the time. */
  streams(sets: MatcherSets, range: TimeRange): readonly Labels[];
  /** About how much there is of these streams: see StoredSize. @throws OperationalError STORAGE */
  size(sets: MatcherSets, range: TimeRange): Promise<StoredSize>;
  /** The same query in the one way of writing it. @throws OperationalError QUERY */
  format(text: string): string;
  /** What a parser would find in the line; null: none finds anything. */
  fieldsOf(line: string): FoundFields | null;
};

/**
 * From what is known without reading the lines: of a block that lies in the time in part, the part
 * is taken for as full as the rest, and a line for as long as those of the newest blocks.
 */
export type StoredSize = {
  readonly streams: number;
  readonly blocks: number;
  readonly lines: number;
  readonly bytes: number;
};

export type FoundFields = { readonly parser: "json" | "logfmt"; readonly fields: Labels };

/** Patterns of the lines of streams, and how many lines each had in each step. */
export type PatternSource = {
  /** @throws OperationalError STORAGE */
  patterns(
    matchers: readonly Matcher[],
    range: TimeRange,
    stepMs: number,
  ): readonly LinePattern[] | Promise<readonly LinePattern[]>;
};

export type LinePattern = {
  /** `<*>` stands for what varies. */
  readonly template: string;
  /** Unix seconds at which a step begins, and the lines in it. */
  readonly samples: readonly (readonly [timeS: number, count: number])[];
};

export type MatcherSets = readonly (readonly Matcher[])[];

/** No matcher sets: all series. Times are inclusive. */
export type SeriesPort = {
  seriesLabels(sets: MatcherSets, startMs: number, endMs: number): Promise<readonly Labels[]>;
  labelNames(sets: MatcherSets, startMs: number, endMs: number): Promise<readonly string[]>;
  labelValues(
    name: string,
    sets: MatcherSets,
    startMs: number,
    endMs: number,
  ): Promise<readonly string[]>;
};

/** False while the aggregator starts and while it stops. */
export type ReadinessPort = { isReady(): boolean };

/** Who may come in. Fingerprints are SHA-256 of a certificate, as hex digits. */
export type GatePort = {
  /** Another object when there is something new to present or to believe. */
  readonly serverTls: ServerTls;
  /** How a certificate of our CA stands. */
  standing(fingerprint: string): Standing;
  /** The agent has connected with the certificate. */
  seen(fingerprint: string): Promise<void>;
  /** Null: the token stands for nobody. */
  personOf(token: Secret): Person | null;
  /** Those of people who signed in on the page. Null: the secret is no session's any more. */
  readonly sessions: { personOf(secret: Secret): Person | null };
};

export type ReloadPort = {
  /** Null: rules and routing are in force as the files have them. Else why nothing has changed. */
  reload(): Promise<OperationalError | null>;
};
