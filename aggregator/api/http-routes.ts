import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { TIME_MAX_MS } from "../../shared/model/rfc3339.ts";
import type { QueryResult } from "../query/result.ts";
import { clientGone } from "./api-error.ts";
import { type Body, payloadOf } from "./http-body.ts";
import { listServices } from "./list-services.ts";
import {
  limitParameter,
  type Parameters,
  parseSpan,
  parseTime,
  timeParameter,
} from "./parameters.ts";
import {
  alertsText,
  queryBody,
  rulesText,
  seriesListText,
  statisticsText,
  successBody,
} from "./prometheus-json.ts";
import type { QueryApi, RunOptions, SeriesQuery } from "./query-api.ts";
import { ruleListRequest } from "./rule-list.ts";
import { servicesText } from "./services-json.ts";
import { scrapePoolsText, targetsText } from "./targets-json.ts";

export const JSON_TYPE = "application/json; charset=utf-8";

/** One request: its parameters, and a signal that is aborted when the client goes away. */
export type Call = {
  readonly parameters: Parameters;
  /** The part of the path that the route names. */
  readonly name: string;
  readonly signal: AbortSignal;
};

/** Under `/api/v1`: answers GET, and POST with its parameters in a form. */
export function apiRoute(
  server: FastifyInstance,
  path: string,
  answer: (call: Call) => Promise<Body> | Body,
): void {
  server.route({
    method: ["GET", "POST"],
    url: `/api/v1${path}`,
    handler: async (request, reply) => {
      const body = await answer(callOf(request, reply));
      return reply.type(JSON_TYPE).send(payloadOf(body));
    },
  });
}

export function addApiRoutes(server: FastifyInstance, api: QueryApi): void {
  const add = (path: string, answer: (call: Call) => Promise<Body> | Body) =>
    apiRoute(server, path, answer);
  add("/query", (call) => instant(api, call));
  add("/query_range", (call) => range(api, call));
  add("/series", async (call) => {
    const { items, warnings } = await api.series(seriesQuery(call), runOptions(call));
    return successBody(seriesListText(items), warnings);
  });
  add("/labels", async (call) => {
    const { items, warnings } = await api.labelNames(seriesQuery(call), runOptions(call));
    return successBody(JSON.stringify(items), warnings);
  });
  add("/label/:name/values", async (call) => {
    const query = seriesQuery(call);
    const { items, warnings } = await api.labelValues(call.name, query, runOptions(call));
    return successBody(JSON.stringify(items), warnings);
  });
  add("/alerts", () => successBody(alertsText(api.alerts())));
  add("/rules", ({ parameters }) => {
    return successBody(rulesText(api.rules(ruleListRequest(parameters))));
  });
  add("/services", async (call) => {
    const name = call.parameters.get("service") ?? "";
    return successBody(servicesText(await listServices(api, name, runOptions(call))));
  });
  add("/targets", async (call) => {
    return successBody(targetsText(await api.targets(runOptions(call)), call.parameters));
  });
  add("/scrape_pools", async (call) => {
    return successBody(scrapePoolsText(await api.targets(runOptions(call))));
  });
}

async function instant(api: QueryApi, call: Call): Promise<Body> {
  const { parameters } = call;
  const timeMs = timeParameter(parameters, "time", api.nowMs());
  const request = { query: parameters.get("query") ?? "", timeMs };
  return await answered(api, call, () => api.instant(request, runOptions(call)));
}

async function range(api: QueryApi, call: Call): Promise<Body> {
  const { parameters } = call;
  const request = {
    query: parameters.get("query") ?? "",
    startMs: parseTime(parameters.get("start") ?? "", "start"),
    endMs: parseTime(parameters.get("end") ?? "", "end"),
    stepMs: parseSpan(parameters.get("step") ?? "", "step"),
  };
  return await answered(api, call, () => api.range(request, runOptions(call)));
}

/** With the query's statistics where `stats` asks for them. */
async function answered(
  api: QueryApi,
  { parameters }: Call,
  run: () => Promise<QueryResult>,
): Promise<Body> {
  const startedMs = api.monotonicMs();
  const result = await run();
  if ((parameters.get("stats") ?? "") === "") return queryBody(result);
  return queryBody(result, statisticsText(result, (api.monotonicMs() - startedMs) / 1000));
}

function seriesQuery({ parameters }: Call): SeriesQuery {
  return {
    selectors: parameters.getAll("match[]"),
    startMs: timeParameter(parameters, "start", 0),
    endMs: timeParameter(parameters, "end", TIME_MAX_MS),
  };
}

export function runOptions({ parameters, signal }: Call): RunOptions {
  const timeout = parameters.get("timeout") ?? "";
  const timeoutMs = timeout === "" ? null : parseSpan(timeout, "timeout");
  return { timeoutMs, limit: limitParameter(parameters), signal };
}

/** A form's values come before those of the address, as in Go. */
export function callOf(request: FastifyRequest, reply: FastifyReply): Call {
  const queryStart = request.url.indexOf("?");
  const search = queryStart === -1 ? "" : request.url.slice(queryStart + 1);
  const form = typeof request.body === "string" ? request.body : "";
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort(clientGone());
  });
  const { name = "" } = request.params as { readonly name?: string };
  return { parameters: new URLSearchParams(`${form}&${search}`), name, signal: gone.signal };
}
