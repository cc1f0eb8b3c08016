import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { compareLabels, compareText, type Labels } from "../../shared/model/labels.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { NodeStatus } from "../model/node.ts";
import type { NodeTargets } from "../model/node-targets.ts";
import type { AlertSnapshot, RuleGroupSnapshot } from "../model/rule-snapshot.ts";
import { type QuerySpan, STEPS_MAX } from "../query/grid.ts";
import type { QueryResult } from "../query/result.ts";
import { ApiError } from "./api-error.ts";
import { checkExpression, checkLabelName, checkSelectors, parameterError } from "./parameters.ts";
import type { CompiledQuery, MatcherSets, QueryPort, SeriesPort } from "./ports.ts";
import { listRules, type RuleList, type RuleListRequest } from "./rule-list.ts";
import { RunLimiter, type RunLimits } from "./run-limiter.ts";
import { type StandingTargets, standingTargets } from "./standing-targets.ts";

export type QueryApiPorts = {
  readonly query: QueryPort;
  readonly series: SeriesPort;
  readonly nodes: { nodes(): readonly NodeStatus[]; targets(): readonly NodeTargets[] };
  readonly rules: { groups(): readonly RuleGroupSnapshot[] };
  readonly clock: Clock;
};

export type QueryApiOptions = RunLimits & {
  /** What no query may take longer than, and what it may without asking for less. */
  readonly timeoutMs: number;
};

/** Of every request. `timeoutMs` null: the longest allowed. `limit` null: all there is. */
export type RunOptions = {
  readonly timeoutMs: number | null;
  readonly limit: number | null;
  readonly signal: AbortSignal;
};

export type InstantQuery = { readonly query: string; readonly timeMs: number };
export type RangeQuery = QuerySpan & { readonly query: string };
export type SeriesQuery = Omit<QuerySpan, "stepMs"> & { readonly selectors: readonly string[] };
export type Listed<T> = { readonly items: readonly T[]; readonly warnings: readonly string[] };

const TRUNCATED = "results truncated due to limit";

/**
 * What is asked over HTTP and over gRPC: checks the request, runs it within its limits, gives the
 * result. The two protocols differ only in how they read the one and write the other.
 */
export class QueryApi {
  readonly #ports: QueryApiPorts;
  readonly #options: QueryApiOptions;
  readonly #limiter: RunLimiter;

  constructor(ports: QueryApiPorts, options: QueryApiOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#limiter = new RunLimiter(ports.clock, options);
  }

  nowMs(): number {
    return this.#ports.clock.nowMs();
  }

  monotonicMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  /** @throws ApiError */
  format(text: string): string {
    checkExpression(text, "query");
    return asParameter("query", () => this.#ports.query.format(text));
  }

  /** @throws ApiError */
  parsed(text: string): object {
    checkExpression(text, "query");
    return asParameter("query", () => this.#ports.query.parsed(text));
  }

  /** What `read` finds for selectors, within the limits of a query. @throws ApiError */
  async matching<T>(
    selectors: readonly string[],
    options: RunOptions,
    read: (sets: MatcherSets) => Promise<T>,
  ): Promise<T> {
    const sets = this.#setsOf(selectors);
    return await this.#run(options, () => read(sets));
  }

  /** @throws ApiError; OperationalError of the ports */
  async instant(request: InstantQuery, options: RunOptions): Promise<QueryResult> {
    const compiled = this.#compile(request.query);
    const result = await this.#run(options, (signal) => compiled.instant(request.timeMs, signal));
    return limited(result, options.limit);
  }

  /** @throws ApiError; OperationalError of the ports */
  async range(request: RangeQuery, options: RunOptions): Promise<QueryResult> {
    checkSpan(request);
    const compiled = this.#compile(request.query);
    if (compiled.type === "matrix" || compiled.type === "string") {
      const problem = `a range query needs a scalar or an instant vector, this is a ${TYPE_NAMES[compiled.type]}`;
      throw parameterError("query", problem);
    }
    const { startMs, endMs, stepMs } = request;
    const span = { startMs, endMs, stepMs };
    const result = await this.#run(options, (signal) => compiled.range(span, signal));
    return limited(result, options.limit);
  }

  /** Sorted. @throws ApiError; OperationalError of the ports */
  async series(request: SeriesQuery, options: RunOptions): Promise<Listed<Labels>> {
    if (request.selectors.length === 0) {
      throw new ApiError("bad_data", "no match[] parameter provided");
    }
    const { series } = this.#ports;
    return await this.#list(request, options, compareLabels, series.seriesLabels.bind(series));
  }

  /** Sorted. @throws ApiError; OperationalError of the ports */
  async labelNames(request: SeriesQuery, options: RunOptions): Promise<Listed<string>> {
    const { series } = this.#ports;
    return await this.#list(request, options, compareText, series.labelNames.bind(series));
  }

  /** Sorted. @throws ApiError; OperationalError of the ports */
  async labelValues(
    label: string,
    request: SeriesQuery,
    options: RunOptions,
  ): Promise<Listed<string>> {
    checkLabelName(label);
    const { series } = this.#ports;
    const read = series.labelValues.bind(series, label);
    return await this.#list(request, options, compareText, read);
  }

  nodes(): readonly NodeStatus[] {
    return this.#ports.nodes.nodes();
  }

  /** @throws ApiError; OperationalError of the ports */
  async targets(options: RunOptions): Promise<readonly StandingTargets[]> {
    const timeMs = this.nowMs();
    const unlimited = { ...options, limit: null };
    const ask = (query: string) => this.instant({ query, timeMs }, unlimited);
    return await standingTargets(this.#ports.nodes.targets(), ask);
  }

  ruleGroups(): readonly RuleGroupSnapshot[] {
    return this.#ports.rules.groups();
  }

  /** @throws ApiError */
  rules(request: RuleListRequest): RuleList {
    return listRules(this.ruleGroups(), request, this.#setsOf(request.selectors));
  }

  /** Pending and firing, in the order of their rules. */
  alerts(): AlertSnapshot[] {
    return this.ruleGroups().flatMap(({ rules }) =>
      rules.flatMap((rule) => (rule.type === "alerting" ? rule.alerts : [])),
    );
  }

  #compile(text: string): CompiledQuery {
    checkExpression(text, "query");
    return asParameter("query", () => this.#ports.query.compile(text));
  }

  async #list<T>(
    { selectors, startMs, endMs }: SeriesQuery,
    options: RunOptions,
    order: (a: T, b: T) => number,
    read: (sets: MatcherSets, startMs: number, endMs: number) => Promise<readonly T[]>,
  ): Promise<Listed<T>> {
    const sets = this.#setsOf(selectors);
    if (endMs < startMs) return { items: [], warnings: [] }; // as in Prometheus
    // No sample is older than 1970; clients that mean "ever" name times far before.
    const found = await this.#run(options, () =>
      read(sets, Math.max(startMs, 0), Math.max(endMs, 0)),
    );
    return cut([...found].sort(order), options.limit);
  }

  #setsOf(selectors: readonly string[]): MatcherSets {
    return checkSelectors(selectors).map((text) =>
      asParameter("match[]", () => this.#ports.query.parseSelector(text)),
    );
  }

  #run<T>(options: RunOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const longestMs = this.#options.timeoutMs;
    const timeoutMs = Math.min(options.timeoutMs ?? longestMs, longestMs);
    return this.#limiter.run(timeoutMs, options.signal, work);
  }
}

const TYPE_NAMES = { matrix: "range vector", string: "string" };

/** A text the client sent that cannot be read is its mistake, whatever the reader calls it. */
function asParameter<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const message = `invalid parameter "${name}": ${errorMessage(error)}`;
    throw new ApiError("bad_data", message, { cause: error });
  }
}

function checkSpan({ startMs, endMs, stepMs }: RangeQuery): void {
  if (endMs < startMs) throw parameterError("end", "it must not be before start");
  if (!(stepMs > 0)) throw parameterError("step", "it must be more than zero");
  if (Math.floor((endMs - startMs) / stepMs) > STEPS_MAX) {
    throw new ApiError(
      "bad_data",
      "exceeded maximum resolution of 11,000 points per timeseries: choose a longer step or a shorter range",
    );
  }
}

function limited(result: QueryResult, limit: number | null): QueryResult {
  if (limit === null) return result;
  const warnings = [...result.warnings, TRUNCATED];
  if (result.type === "vector" && result.samples.length > limit) {
    return { ...result, samples: result.samples.slice(0, limit), warnings };
  }
  if (result.type === "matrix" && result.series.length > limit) {
    return { ...result, series: result.series.slice(0, limit), warnings };
  }
  return result;
}

function cut<T>(items: readonly T[], limit: number | null): Listed<T> {
  if (limit === null || items.length <= limit) return { items, warnings: [] };
  return { items: items.slice(0, limit), warnings: [TRUNCATED] };
}
