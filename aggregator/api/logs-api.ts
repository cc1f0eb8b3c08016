import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { compareLabels, compareText, type Labels, labelValue } from "../../shared/model/labels.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Direction, ResultLine, ScanStatistics, TimeRange } from "../model/log-lines.ts";
import { type QuerySpan, STEPS_MAX } from "../query/grid.ts";
import { ApiError } from "./api-error.ts";
import { checkExpression, checkSelectors, parameterError } from "./parameters.ts";
import type {
  CompiledLogs,
  FollowRequest,
  FoundFields,
  LinePattern,
  LogsPort,
  LogsResult,
  MatcherSets,
  PatternSource,
  StoredSize,
} from "./ports.ts";
import type { QueryApiOptions, RunOptions } from "./query-api.ts";
import { RunLimiter } from "./run-limiter.ts";

export type LinesRequest = TimeRange & {
  readonly query: string;
  readonly direction: Direction;
  readonly limit: number;
};

/** What a query of lines gave. */
export type LinesAnswer = {
  readonly lines: readonly ResultLine[];
  readonly statistics: ScanStatistics;
};

/** Lines of one answer, as Loki's own limit is. */
export const LINES_MAX = 5000;
/** Who follows is few; each holds a query of its own. */
const FOLLOWERS_MAX = 100;

/** `patterns` null: nobody looks for any. */
export type LogsPorts = { readonly logs: LogsPort; readonly patterns: PatternSource | null };

/** What is asked of log lines, over HTTP and over gRPC: checked, and run within its limits. */
export class LogsApi {
  readonly #logs: LogsPort;
  readonly #patterns: PatternSource | null;
  readonly #clock: Clock;
  readonly #options: QueryApiOptions;
  readonly #limiter: RunLimiter;
  #followers = 0;

  constructor({ logs, patterns }: LogsPorts, clock: Clock, options: QueryApiOptions) {
    this.#logs = logs;
    this.#patterns = patterns;
    this.#clock = clock;
    this.#options = options;
    this.#limiter = new RunLimiter(clock, options);
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** Null for a query of lines. @throws ApiError */
  metric(text: string): MetricQuery | null {
    const compiled = this.#compile(text);
    if (compiled.kind === "lines") return null;
    return {
      instant: (timeMs, options) =>
        this.#run(options, (signal) => compiled.instant(timeMs, signal)),
      range: async (span, options) => {
        if (span.endMs < span.startMs) throw parameterError("end", "it must not be before start");
        if (!(span.stepMs > 0)) throw parameterError("step", "it must be more than zero");
        if ((span.endMs - span.startMs) / span.stepMs > STEPS_MAX) {
          throw parameterError(
            "step",
            "too short for this range: it makes more than 11,000 points",
          );
        }
        return await this.#run(options, (signal) => compiled.range(span, signal));
      },
    };
  }

  /** @throws ApiError; OperationalError of the ports */
  async lines(request: LinesRequest, options: RunOptions): Promise<LinesAnswer> {
    const compiled = this.#linesQuery(request.query);
    const { startUs, endUs, limit } = request;
    if (endUs < startUs) throw parameterError("end", "it must not be before start");
    if (limit > LINES_MAX) throw parameterError("limit", `${LINES_MAX} lines at most`);
    return await this.#run(options, async (signal) => {
      const { lines: batches, statistics } = compiled.lines(request, signal);
      const lines: ResultLine[] = [];
      for await (const batch of batches) lines.push(...batch);
      return { lines, statistics };
    });
  }

  /**
   * The newest lines, oldest first, then those that come in; what reads slowly is behind and misses
   * none. @throws ApiError
   */
  follow(
    { query, ...request }: Omit<LinesRequest, "direction">,
    signal: AbortSignal,
  ): AsyncGenerator<readonly ResultLine[]> {
    const compiled = this.#linesQuery(query);
    if (request.limit > LINES_MAX) throw parameterError("limit", `${LINES_MAX} lines at most`);
    if (this.#followers >= FOLLOWERS_MAX) {
      throw new ApiError("unavailable", `${FOLLOWERS_MAX} others follow lines already`);
    }
    return this.#follow(compiled, request, signal);
  }

  async *#follow(
    compiled: LinesQuery,
    request: FollowRequest,
    signal: AbortSignal,
  ): AsyncGenerator<readonly ResultLine[]> {
    this.#followers += 1;
    try {
      yield* compiled.follow(request, signal);
    } finally {
      this.#followers -= 1;
    }
  }

  /** Label sets of the streams, sorted. @throws ApiError */
  streams(selectors: readonly string[], range: TimeRange): readonly Labels[] {
    return [...this.#logs.streams(this.#setsOf(selectors), range)].sort(compareLabels);
  }

  /** About how much there is of the streams. @throws ApiError; OperationalError STORAGE */
  async size(
    selectors: readonly string[],
    range: TimeRange,
    options: RunOptions,
  ): Promise<StoredSize> {
    const sets = this.#setsOf(selectors);
    return await this.#run(options, () => this.#logs.size(sets, range));
  }

  /** None where nobody looks for any. @throws ApiError; OperationalError STORAGE */
  async patterns(
    query: string,
    range: TimeRange,
    stepMs: number,
    options: RunOptions,
  ): Promise<readonly LinePattern[]> {
    const [matchers = []] = this.#setsOf(query === "" ? [] : [query]);
    if (!(stepMs >= 1000)) throw parameterError("step", "it must be a second or more");
    const source = this.#patterns;
    if (source === null) return [];
    return await this.#run(options, async () => await source.patterns(matchers, range, stepMs));
  }

  /** Labels that a stream selector names, each once. @throws ApiError */
  selectorNames(selector: string): readonly string[] {
    const [matchers = []] = this.#setsOf([selector]);
    return [...new Set(matchers.map(({ name }) => name))];
  }

  /** The query in the one way of writing it. @throws ApiError */
  format(query: string): string {
    checkExpression(query, "query");
    return asQuery(() => this.#logs.format(query));
  }

  fieldsOf(line: string): FoundFields | null {
    return this.#logs.fieldsOf(line);
  }

  /** Sorted. @throws ApiError */
  labelNames(selectors: readonly string[], range: TimeRange): readonly string[] {
    const names = new Set<string>();
    for (const labels of this.streams(selectors, range)) {
      for (let i = 0; i < labels.length; i += 2) names.add(labels[i] ?? "");
    }
    return [...names].sort(compareText);
  }

  /** Sorted. @throws ApiError */
  labelValues(name: string, selectors: readonly string[], range: TimeRange): readonly string[] {
    const values = new Set<string>();
    for (const labels of this.streams(selectors, range)) values.add(labelValue(labels, name));
    values.delete("");
    return [...values].sort(compareText);
  }

  #setsOf(selectors: readonly string[]): MatcherSets {
    return checkSelectors(selectors).map((text) => asQuery(() => this.#logs.parseSelector(text)));
  }

  #linesQuery(text: string): LinesQuery {
    const compiled = this.#compile(text);
    if (compiled.kind === "lines") return compiled;
    throw parameterError("query", "this is a metric query, and lines are asked for");
  }

  #compile(text: string): CompiledLogs {
    checkExpression(text, "query");
    return asQuery(() => this.#logs.compile(text));
  }

  #run<T>(options: RunOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const longestMs = this.#options.timeoutMs;
    const timeoutMs = Math.min(options.timeoutMs ?? longestMs, longestMs);
    return this.#limiter.run(timeoutMs, options.signal, work);
  }
}

type LinesQuery = Extract<CompiledLogs, { readonly kind: "lines" }>;

export type MetricQuery = {
  instant(timeMs: number, options: RunOptions): Promise<LogsResult>;
  range(span: QuerySpan, options: RunOptions): Promise<LogsResult>;
};

/** A query that cannot be read is its sender's mistake. */
function asQuery<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const message = `invalid parameter "query": ${errorMessage(error)}`;
    throw new ApiError("bad_data", message, { cause: error });
  }
}
