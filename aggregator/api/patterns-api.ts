import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { PatternList, PatternQuery, PatternSource } from "../model/log-patterns.ts";
import { ApiError } from "./api-error.ts";
import { checkExpression, parameterError } from "./parameters.ts";
import type { RunOptions } from "./query-api.ts";
import { RunLimiter } from "./run-limiter.ts";

export type PatternsPort = Pick<PatternSource, "list"> & {
  /** @throws OperationalError QUERY when the text is no stream selector */
  parseSelector(text: string): readonly Matcher[];
};

/** As a client asks it; what is 0 or "" was not given. */
export type PatternsAsked = {
  readonly selector: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly stepMs: number;
  readonly limit: number;
};

const HOUR_US = 3_600_000_000;
const STEP_MS = 300_000;
const PATTERNS_DEFAULT = 100;
/** With the steps of one it bounds what an answer takes. */
const PATTERNS_MAX = 10_000;
const COUNTS_MAX = 2_000_000;
const LIMITS = { runningMax: 4, waitingMax: 20 };
const TIMEOUT_MS = 120_000;

/** What is asked of patterns, over HTTP and over gRPC: checked, and run within its limits. */
export class PatternsApi {
  readonly #port: PatternsPort;
  readonly #clock: Clock;
  readonly #limiter: RunLimiter;

  constructor(port: PatternsPort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
    this.#limiter = new RunLimiter(clock, LIMITS);
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** @throws ApiError; OperationalError LIMIT, STORAGE */
  async list(asked: PatternsAsked, { timeoutMs, signal }: RunOptions): Promise<PatternList> {
    const query = this.#queryOf(asked);
    const longestMs = Math.min(timeoutMs ?? TIMEOUT_MS, TIMEOUT_MS);
    return await this.#limiter.run(longestMs, signal, () => this.#port.list(query));
  }

  #queryOf({ selector, startUs, endUs, stepMs, limit }: PatternsAsked): PatternQuery {
    const end = endUs || this.nowMs() * 1000 + 1;
    const range = { startUs: startUs || end - HOUR_US, endUs: end };
    if (range.startUs < 0) throw parameterError("start", "it must not be before 1970");
    if (range.endUs < range.startUs) throw parameterError("end", "it must not be before start");
    if (stepMs < 0) throw parameterError("step", "it must be more than zero");
    if (limit > PATTERNS_MAX) throw parameterError("limit", `${PATTERNS_MAX} patterns at most`);
    const query = { range, stepMs: stepMs || STEP_MS, limit: limit || PATTERNS_DEFAULT };
    const steps = (range.endUs - range.startUs) / 1000 / Math.max(query.stepMs, STEP_MS);
    if (steps * query.limit > COUNTS_MAX) {
      throw parameterError(
        "step",
        `it makes more than ${COUNTS_MAX} counts of ${query.limit} patterns`,
      );
    }
    return { ...query, matchers: selector === "" ? [] : matchersOf(selector, this.#port) };
  }
}

/** @throws ApiError */
function matchersOf(selector: string, port: PatternsPort): readonly Matcher[] {
  checkExpression(selector, "selector");
  try {
    return port.parseSelector(selector);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const message = `invalid parameter "selector": ${errorMessage(error)}`;
    throw new ApiError("bad_data", message, { cause: error });
  }
}
