import type { FastifyInstance } from "fastify";
import { compareText } from "../../shared/model/labels.ts";
import { VERSION } from "../../shared/version.ts";
import { type Body, payloadOf } from "./http-body.ts";
import { type Call, callOf, JSON_TYPE, runOptions } from "./http-routes.ts";
import type { LogsApi } from "./logs-api.ts";
import {
  detectedFields,
  detectedLabels,
  type VolumeRequest,
  volumeRange,
  volumes,
} from "./logs-discovery.ts";
import {
  detectedFieldsBody,
  detectedLabelsBody,
  fieldValuesBody,
  indexStatsBody,
  lokiBuildBody,
  metricBody,
  patternsBody,
  streamsBody,
  volumeBody,
} from "./loki-json.ts";
import {
  countParameter,
  HOUR_US,
  isCategorized,
  linesOf,
  rangeOf,
  selectorsOf,
  spanOf,
  timeOf,
} from "./loki-parameters.ts";
import { parameterError } from "./parameters.ts";
import { seriesListText, successBody } from "./prometheus-json.ts";

/** Lines that are looked at for fields, fields that are told, and the most of either. */
const FIELD_LINES_DEFAULT = 1000;
const FIELDS_DEFAULT = 1000;
const FIELDS_MAX = 5000;
/** Volumes of an answer. */
const VOLUMES_DEFAULT = 100;
const VOLUMES_MAX = 10_000;

/** Labels are those of so long a time, as in Loki. */
const LABELS_DEFAULT_US = 6 * HOUR_US;

type LokiCall = Call & { readonly isCategorized: boolean };
type Answer = (call: LokiCall) => Promise<Body> | Body;

/**
 * `/loki/api/v1`: what Grafana's data source, its Logs Drilldown and logcli ask. Source:
 * grafana.com/docs/loki, "Loki HTTP API".
 */
export function addLokiRoutes(server: FastifyInstance, api: LogsApi): void {
  const add = (path: string, answer: Answer) => {
    server.route({
      method: ["GET", "POST"],
      url: `/loki/api/v1${path}`,
      handler: async (request, reply) => {
        const flags = request.headers["x-loki-response-encoding-flags"];
        const call = { ...callOf(request, reply), isCategorized: isCategorized(flags) };
        return reply.type(JSON_TYPE).send(payloadOf(await answer(call)));
      },
    });
  };
  add("/query", (call) => instant(api, call));
  add("/query_range", (call) => range(api, call));
  add("/format_query", ({ parameters }) =>
    successBody(JSON.stringify(api.format(parameters.get("query") ?? ""))),
  );
  add("/status/buildinfo", () => lokiBuildBody(VERSION));
  addLabelRoutes(add, api);
  addIndexRoutes(add, api);
  addFieldRoutes(add, api);
}

type Add = (path: string, answer: Answer) => void;

function addLabelRoutes(add: Add, api: LogsApi): void {
  const rangeAsked = ({ parameters }: Call) => rangeOf(api.nowMs(), parameters, LABELS_DEFAULT_US);
  add("/labels", (call) => {
    const names = api.labelNames(selectorsOf(call, "query"), rangeAsked(call));
    return successBody(JSON.stringify(names));
  });
  add("/label/:name/values", (call) => {
    const selectors = selectorsOf(call, "query");
    return successBody(JSON.stringify(api.labelValues(call.name, selectors, rangeAsked(call))));
  });
  add("/series", (call) => {
    const streams = api.streams(selectorsOf(call, "match[]", "match"), rangeAsked(call));
    return successBody(seriesListText(streams));
  });
  add("/detected_labels", (call) => {
    const streams = api.streams(selectorsOf(call, "query"), rangeAsked(call));
    return detectedLabelsBody(detectedLabels(streams));
  });
}

function addIndexRoutes(add: Add, api: LogsApi): void {
  add("/index/stats", async (call) => {
    const range = rangeOf(api.nowMs(), call.parameters);
    return indexStatsBody(await api.size(selectorsOf(call, "query"), range, runOptions(call)));
  });
  add("/index/volume", async (call) => {
    const range = rangeOf(api.nowMs(), call.parameters);
    return volumeBody(await volumes(api, volumeOf(call), range, withoutLimit(call)));
  });
  add("/index/volume_range", async (call) => {
    const span = spanOf(rangeOf(api.nowMs(), call.parameters), call.parameters);
    return volumeBody(await volumeRange(api, volumeOf(call), span, withoutLimit(call)));
  });
  add("/patterns", async (call) => {
    const { parameters } = call;
    const range = rangeOf(api.nowMs(), parameters);
    const { stepMs } = spanOf(range, parameters);
    const query = parameters.get("query") ?? "";
    return patternsBody(await api.patterns(query, range, stepMs, withoutLimit(call)));
  });
}

function addFieldRoutes(add: Add, api: LogsApi): void {
  const fieldsOf = async (call: LokiCall, limit: number) => {
    const { parameters } = call;
    const range = rangeOf(api.nowMs(), parameters);
    const lineLimit = countParameter(parameters, "line_limit", FIELD_LINES_DEFAULT);
    const request = { ...linesOf(call, range), limit: Math.min(lineLimit, FIELDS_MAX) };
    const { lines } = await api.lines(request, withoutLimit(call));
    return detectedFields(lines, (line) => api.fieldsOf(line), limit);
  };
  const limitOf = ({ parameters }: Call) =>
    Math.min(countParameter(parameters, "limit", FIELDS_DEFAULT), FIELDS_MAX);
  add("/detected_fields", async (call) =>
    detectedFieldsBody(await fieldsOf(call, limitOf(call)), limitOf(call)),
  );
  add("/detected_field/:name/values", async (call) => {
    const fields = await fieldsOf(call, FIELDS_MAX);
    const values = fields.find(({ label }) => label === call.name)?.values ?? [];
    const limit = limitOf(call);
    return fieldValuesBody([...values].sort(compareText).slice(0, limit), limit);
  });
}

/** `limit` is that of lines or volumes here, not of the series of a result. */
function withoutLimit(call: Call) {
  return { ...runOptions(call), limit: null };
}

function volumeOf(call: Call): VolumeRequest {
  const { parameters } = call;
  const [selector = ""] = selectorsOf(call, "query");
  const targets = (parameters.get("targetLabels") ?? "").split(",").map((name) => name.trim());
  const by = parameters.get("aggregateBy") ?? "series";
  if (by !== "series" && by !== "labels") {
    throw parameterError("aggregateBy", "it is series or labels");
  }
  const limit = countParameter(parameters, "limit", VOLUMES_DEFAULT);
  const targetLabels = targets.filter((name) => name !== "");
  return { selector, targetLabels, by, limit: Math.min(limit, VOLUMES_MAX) };
}

async function instant(api: LogsApi, call: LokiCall): Promise<Body> {
  const { parameters } = call;
  const query = parameters.get("query") ?? "";
  const timeUs = timeOf(parameters, "time", api.nowMs() * 1000);
  const metric = api.metric(query);
  if (metric !== null) {
    return metricBody(await metric.instant(Math.floor(timeUs / 1000), runOptions(call)));
  }
  const span = { startUs: timeUs - HOUR_US, endUs: timeUs + 1 };
  const { lines, statistics } = await api.lines(linesOf(call, span), runOptions(call));
  return streamsBody(lines, statistics, call.isCategorized);
}

async function range(api: LogsApi, call: LokiCall): Promise<Body> {
  const { parameters } = call;
  const asked = rangeOf(api.nowMs(), parameters);
  const metric = api.metric(parameters.get("query") ?? "");
  if (metric === null) {
    const { lines, statistics } = await api.lines(linesOf(call, asked), runOptions(call));
    return streamsBody(lines, statistics, call.isCategorized);
  }
  return metricBody(await metric.range(spanOf(asked, parameters), runOptions(call)));
}
