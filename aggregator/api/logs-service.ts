import { once } from "node:events";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import type { Logger } from "../../shared/platform/ports.ts";
import type { LinesRequest__Output } from "../../shared/wire/generated/telltale/v1/LinesRequest.ts";
import type { LinesResponse } from "../../shared/wire/generated/telltale/v1/LinesResponse.ts";
import type { LogsHandlers } from "../../shared/wire/generated/telltale/v1/Logs.ts";
import { answer } from "../../shared/wire/grpc-answer.ts";
import type { ResultLine, TimeRange } from "../model/log-lines.ts";
import { ApiError, clientGone } from "./api-error.ts";
import { LINES_MAX, type LogsApi } from "./logs-api.ts";
import { parameterError } from "./parameters.ts";
import { queryResponse, queryStatus, runOptions } from "./query-service.ts";

const HOUR_US = 3_600_000_000;
const LINES_DEFAULT = 100;
/** Lines of one message. */
const MESSAGE_LINES = 500;

type LinesCall = ServerWritableStream<LinesRequest__Output, LinesResponse>;

/** The gRPC service telltale.v1.Logs. */
export function createLogsService(
  api: LogsApi,
  logger: Logger,
  patterns: LogsHandlers["Patterns"] = answer(noPatterns, logger, queryStatus),
): LogsHandlers {
  const metricOf = (query: string) => {
    const metric = api.metric(query);
    if (metric !== null) return metric;
    throw parameterError("query", "this is a query of lines, and numbers are asked for");
  };
  return {
    Lines: (call: LinesCall) => void serveLines(api, call, logger),
    Patterns: patterns,
    Instant: answer(
      async ({ query, timeMs }, call) => {
        const options = runOptions(call, api.nowMs());
        return queryResponse(await metricOf(query).instant(timeMs || api.nowMs(), options));
      },
      logger,
      queryStatus,
    ),
    Range: answer(
      async ({ query, ...span }, call) =>
        queryResponse(await metricOf(query).range(span, runOptions(call, api.nowMs()))),
      logger,
      queryStatus,
    ),
    Streams: answer(
      ({ match, startUs, endUs }) => {
        const streams = api.streams(match, spanOf({ startUs, endUs }, api.nowMs()));
        return { series: streams.map((labels) => ({ labels: [...labels] })) };
      },
      logger,
      queryStatus,
    ),
  };
}

function noPatterns(): never {
  throw new ApiError("unavailable", "Patterns of lines are not kept here");
}

/** Never rejects: a failure is the call's status. */
async function serveLines(api: LogsApi, call: LinesCall, logger: Logger): Promise<void> {
  const gone = new AbortController();
  call.once("cancelled", () => gone.abort(clientGone()));
  try {
    const sender = new LineSender(call, gone.signal);
    const { query, follow, isForward, limit, ...span } = call.request;
    const direction = isForward ? "forward" : "backward";
    const request = {
      ...spanOf(span, api.nowMs()),
      query,
      direction,
      limit: limitOf(limit),
    } as const;
    const options = { ...runOptions(call, api.nowMs()), signal: gone.signal };
    if (follow) {
      for await (const lines of api.follow(request, gone.signal)) await sender.send(lines);
    } else {
      await sender.send((await api.lines(request, options)).lines);
    }
    call.end();
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!(error instanceof OperationalError)) {
      const { stack } = error as Error;
      logger.error({ path: call.getPath(), error: errorMessage(error), stack }, "Request failed");
    }
    const { code, details } = queryStatus(error);
    call.emit("error", Object.assign(new Error(details), { code, details }));
  }
}

/** Says the labels of a stream once, before its first line. */
class LineSender {
  readonly #call: LinesCall;
  readonly #gone: AbortSignal;
  readonly #ids = new Map<string, number>();

  constructor(call: LinesCall, gone: AbortSignal) {
    this.#call = call;
    this.#gone = gone;
  }

  async send(lines: readonly ResultLine[]): Promise<void> {
    for (let i = 0; i < lines.length; i += MESSAGE_LINES) {
      await this.#sendSome(lines.slice(i, i + MESSAGE_LINES));
    }
  }

  async #sendSome(lines: readonly ResultLine[]): Promise<void> {
    const streams: { id: number; labels: string[] }[] = [];
    const idOf = (labels: Labels): number => {
      const key = labelsKey(labels);
      const known = this.#ids.get(key);
      if (known !== undefined) return known;
      const id = this.#ids.size;
      this.#ids.set(key, id);
      streams.push({ id, labels: [...labels] });
      return id;
    };
    const told = lines.map(({ labels, timeUs, line }) => ({ stream: idOf(labels), timeUs, line }));
    if (this.#call.write({ streams, lines: told })) return;
    await once(this.#call, "drain", { signal: this.#gone });
  }
}

function spanOf({ startUs, endUs }: TimeRange, nowMs: number): TimeRange {
  const end = endUs || nowMs * 1000 + 1;
  return { startUs: startUs || end - HOUR_US, endUs: end };
}

function limitOf(limit: number): number {
  if (limit <= LINES_MAX) return limit || LINES_DEFAULT;
  throw parameterError("limit", `${LINES_MAX} lines at most`);
}
