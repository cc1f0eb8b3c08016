import type { FastifyInstance } from "fastify";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { VERSION } from "../../shared/version.ts";
import { apiRoute, type Call } from "./http-routes.ts";
import { limitParameter, parameterError, timeParameter } from "./parameters.ts";
import { successBody } from "./prometheus-json.ts";
import type { QueryApi } from "./query-api.ts";
import type { IndexFigures, MetadataEntry, StatusPort } from "./status-port.ts";

const FIGURES = 10;
const FIGURES_MAX = 10_000;

/**
 * What Prometheus' API has besides queries: metadata, expressions taken apart, its state. Source:
 * prometheus.io/docs, "HTTP API".
 */
export function addStatusRoutes(server: FastifyInstance, api: QueryApi, status: StatusPort): void {
  const add = (path: string, answer: (call: Call) => unknown) => {
    apiRoute(server, path, (call) => successBody(JSON.stringify(answer(call))));
  };
  add("/metadata", (call) => metadataObject(status, call));
  // Which target a metric is of does not travel with what is said of it.
  add("/targets/metadata", () => []);
  add("/query_exemplars", ({ parameters }) => {
    api.format(parameters.get("query") ?? "");
    timeParameter(parameters, "start", 0);
    timeParameter(parameters, "end", 0);
    return []; // exemplars are not kept
  });
  add("/format_query", ({ parameters }) => api.format(parameters.get("query") ?? ""));
  add("/parse_query", ({ parameters }) => api.parsed(parameters.get("query") ?? ""));
  // Alerts are delivered from here.
  add("/alertmanagers", () => ({ activeAlertmanagers: [], droppedAlertmanagers: [] }));
  add("/status/buildinfo", buildObject);
  add("/status/config", () => ({ yaml: status.configText() }));
  add("/status/flags", () => status.flags());
  add("/status/runtimeinfo", () => runtimeObject(status));
  add("/status/walreplay", () => ({ min: 0, max: 0, current: 0 })); // it is done before we listen
  add("/status/tsdb", (call) => indexObject(status.index(figuresLimit(call))));
}

function metadataObject(status: StatusPort, { parameters }: Call): object {
  const metric = parameters.get("metric") ?? "";
  const limit = limitParameter(parameters);
  const limitPerMetric = limitParameter(parameters, "limit_per_metric");
  const found = status.metadata({ metric, limit, limitPerMetric });
  const record: Record<string, readonly MetadataEntry[]> = Object.create(null);
  for (const [name, entries] of found) record[name] = entries;
  return record;
}

function buildObject(): object {
  const unknown = { revision: "", branch: "", buildUser: "", buildDate: "", goVersion: "" };
  return { version: VERSION, ...unknown };
}

function runtimeObject(status: StatusPort): object {
  const { isGood, timeMs } = status.reloaded();
  return {
    startTime: formatRfc3339(status.startedAtMs),
    CWD: "",
    reloadConfigSuccess: isGood,
    lastConfigTime: formatRfc3339(timeMs),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: 1,
    GOGC: "",
    GODEBUG: "",
    storageRetention: status.retentionText(),
  };
}

function figuresLimit({ parameters }: Call): number {
  const limit = limitParameter(parameters) ?? FIGURES;
  if (limit <= FIGURES_MAX) return limit;
  throw parameterError("limit", `${limit}, at most ${FIGURES_MAX} are allowed`);
}

function indexObject(figures: IndexFigures): object {
  const list = (of: IndexFigures["seriesByMetric"]) => of.map(([name, value]) => ({ name, value }));
  return {
    headStats: {
      numSeries: figures.series,
      numLabelPairs: figures.labelPairs,
      chunkCount: figures.series,
      minTime: figures.minMs,
      maxTime: figures.maxMs,
    },
    seriesCountByMetricName: list(figures.seriesByMetric),
    labelValueCountByLabelName: list(figures.valuesByLabel),
    memoryInBytesByLabelName: list(figures.bytesByLabel),
    seriesCountByLabelValuePair: list(figures.seriesByPair),
  };
}
