import type { FastifyInstance } from "fastify";
import type { TimeRange } from "../model/log-lines.ts";
import { type Call, callOf, JSON_TYPE, runOptions } from "./http-routes.ts";
import type { LinesRequest, LogsApi } from "./logs-api.ts";
import { metricBody, streamsBody } from "./loki-json.ts";
import { type Parameters, parameterError, parseSpan, parseTime } from "./parameters.ts";
import { seriesListText, successBody } from "./prometheus-json.ts";

const HOUR_US = 3_600_000_000;
/** Loki's default. */
const LINES_DEFAULT = 100;
/** A range query without a step has about so many. */
const STEPS_DEFAULT = 250;
/** Unix nanoseconds have so many digits, seconds never. */
const NANOSECONDS = /^\d{14,19}$/;

/**
 * `/loki/api/v1`: what Grafana's data source and logcli ask. Source: grafana.com/docs/loki, "Loki HTTP
 * API".
 */
export function addLokiRoutes(server: FastifyInstance, api: LogsApi): void {
  const add = (path: string, answer: (call: Call) => Promise<string> | string) => {
    server.route({
      method: ["GET", "POST"],
      url: `/loki/api/v1${path}`,
      handler: async (request, reply) => {
        const body = await answer(callOf(request, reply));
        return reply.type(JSON_TYPE).send(body);
      },
    });
  };
  add("/query", (call) => instant(api, call));
  add("/query_range", (call) => range(api, call));
  add("/labels", (call) => {
    const names = api.labelNames(selectorsOf(call, "query"), rangeOf(api, call.parameters));
    return successBody(JSON.stringify(names));
  });
  add("/label/:name/values", (call) => {
    const selectors = selectorsOf(call, "query");
    return successBody(
      JSON.stringify(api.labelValues(call.name, selectors, rangeOf(api, call.parameters))),
    );
  });
  add("/series", (call) => {
    const streams = api.streams(selectorsOf(call, "match[]"), rangeOf(api, call.parameters));
    return successBody(seriesListText(streams));
  });
}

async function instant(api: LogsApi, call: Call): Promise<string> {
  const { parameters } = call;
  const query = parameters.get("query") ?? "";
  const timeUs = timeOf(parameters, "time", api.nowMs() * 1000);
  const metric = api.metric(query);
  if (metric !== null) {
    return metricBody(await metric.instant(Math.floor(timeUs / 1000), runOptions(call)));
  }
  const span = { startUs: timeUs - HOUR_US, endUs: timeUs + 1 };
  const { lines, statistics } = await api.lines(linesOf(call, span), runOptions(call));
  return streamsBody(lines, statistics);
}

async function range(api: LogsApi, call: Call): Promise<string> {
  const { parameters } = call;
  const span = rangeOf(api, parameters);
  const metric = api.metric(parameters.get("query") ?? "");
  if (metric === null) {
    const { lines, statistics } = await api.lines(linesOf(call, span), runOptions(call));
    return streamsBody(lines, statistics);
  }
  const [startMs, endMs] = [Math.floor(span.startUs / 1000), Math.floor(span.endUs / 1000)];
  const step = parameters.get("step") ?? "";
  const defaultMs = Math.max(1000, Math.ceil((endMs - startMs) / STEPS_DEFAULT / 1000) * 1000);
  const stepMs = step === "" ? defaultMs : parseSpan(step, "step");
  return metricBody(await metric.range({ startMs, endMs, stepMs }, runOptions(call)));
}

function linesOf({ parameters }: Call, span: TimeRange): LinesRequest {
  const direction = (parameters.get("direction") ?? "backward").toLowerCase();
  if (direction !== "forward" && direction !== "backward") {
    throw parameterError("direction", "it is forward or backward");
  }
  const limit = parameters.get("limit") ?? String(LINES_DEFAULT);
  if (!/^\d{1,9}$/.test(limit)) throw parameterError("limit", "it is a whole number");
  return { ...span, query: parameters.get("query") ?? "", direction, limit: Number(limit) };
}

function selectorsOf({ parameters }: Call, name: string): readonly string[] {
  return parameters.getAll(name).filter((text) => text !== "" && text !== "{}");
}

/** `since` counts where there is no start. */
function rangeOf(api: LogsApi, parameters: Parameters): TimeRange {
  const endUs = timeOf(parameters, "end", api.nowMs() * 1000 + 1);
  const since = parameters.get("since") ?? "";
  const lengthUs = since === "" ? HOUR_US : parseSpan(since, "since") * 1000;
  return { startUs: timeOf(parameters, "start", endUs - lengthUs), endUs };
}

/** Unix microseconds from Unix nanoseconds, seconds with a fraction, or RFC 3339. */
function timeOf(parameters: Parameters, name: string, defaultUs: number): number {
  const text = parameters.get(name) ?? "";
  if (text === "") return defaultUs;
  if (NANOSECONDS.test(text)) return Number(BigInt(text) / 1000n);
  return Math.max(0, parseTime(text, name) * 1000);
}
