import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import type { LogsHandlers } from "../../shared/wire/generated/telltale/v1/Logs.ts";
import type { PatternsRequest__Output } from "../../shared/wire/generated/telltale/v1/PatternsRequest.ts";
import type { PatternsResponse } from "../../shared/wire/generated/telltale/v1/PatternsResponse.ts";
import { answer } from "../../shared/wire/grpc-answer.ts";
import type { PatternQuery, PatternSource } from "../model/log-patterns.ts";
import { ApiError } from "./api-error.ts";
import { checkExpression, parameterError } from "./parameters.ts";
import { queryStatus, runOptions } from "./query-service.ts";
import { RunLimiter } from "./run-limiter.ts";

export type PatternsPort = Pick<PatternSource, "list"> & {
  /** @throws OperationalError QUERY when the text is no stream selector */
  parseSelector(text: string): readonly Matcher[];
};

const HOUR_US = 3_600_000_000;
const STEP_MS = 300_000;
const PATTERNS_DEFAULT = 100;
/** With the steps of one it bounds what an answer takes. */
const PATTERNS_MAX = 10_000;
const COUNTS_MAX = 2_000_000;
const LIMITS = { runningMax: 4, waitingMax: 20 };
const TIMEOUT_MS = 120_000;

/** The method Patterns of the gRPC service telltale.v1.Logs. */
export function patternsHandler(
  port: PatternsPort,
  clock: Clock,
  logger: Logger,
): LogsHandlers["Patterns"] {
  const limiter = new RunLimiter(clock, LIMITS);
  return answer(
    async (request, call) => {
      const query = queryOf(request, port, clock.nowMs());
      const { timeoutMs, signal } = runOptions(call, clock.nowMs());
      const longestMs = Math.min(timeoutMs ?? TIMEOUT_MS, TIMEOUT_MS);
      return await limiter.run(longestMs, signal, () => responseTo(port, query));
    },
    logger,
    queryStatus,
  );
}

function queryOf(
  request: PatternsRequest__Output,
  port: PatternsPort,
  nowMs: number,
): PatternQuery {
  const { selector, startUs, endUs, stepMs, limit } = request;
  const end = endUs || nowMs * 1000 + 1;
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
  return { ...query, matchers: selector === "" ? [] : matchersOf(selector, port) };
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

async function responseTo(port: PatternsPort, query: PatternQuery): Promise<PatternsResponse> {
  const { rows, patterns, lines, startMs, stepMs } = await port.list(query);
  return {
    patterns: rows.map((row) => ({ ...row, counts: [...row.counts] })),
    patternCount: patterns,
    lineCount: lines,
    startMs,
    stepMs,
  };
}
