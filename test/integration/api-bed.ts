import { onTestFinished } from "vitest";
import { createAlertsService } from "../../aggregator/api/alerts-service.ts";
import { startGrpcServer } from "../../aggregator/api/grpc-server.ts";
import { createLogsService } from "../../aggregator/api/logs-service.ts";
import { PatternsApi } from "../../aggregator/api/patterns-api.ts";
import type { CompiledQuery, QueryPort, SeriesPort } from "../../aggregator/api/ports.ts";
import { QueryApi } from "../../aggregator/api/query-api.ts";
import { createQueryService } from "../../aggregator/api/query-service.ts";
import { createServicesService } from "../../aggregator/api/services-service.ts";
import type { StatusPort } from "../../aggregator/api/status-port.ts";
import { createTargetsService } from "../../aggregator/api/targets-service.ts";
import type { NodeStatus } from "../../aggregator/model/node.ts";
import type { QuerySpan } from "../../aggregator/query/grid.ts";
import type { QueryResult } from "../../aggregator/query/result.ts";
import { OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import { labelsOf, labelValue } from "../../shared/model/labels.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { MemoryAlerts } from "../support/memory-alerts.ts";
import { MemoryLines } from "../support/memory-lines.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { RULE_GROUP } from "../support/rule-group.ts";
import { TOLD_TARGETS } from "../support/told-targets.ts";

/** Small ports in memory behind the real servers. */

const NO_PATTERNS = { rows: [], patterns: 0, lines: 0, startMs: 0, stepMs: 300_000 };

export const LOOPBACK = { host: "127.0.0.1", port: 0 };

const UP_SERIES = ["db1", "web1"].map((instance) =>
  labelsOf({ __name__: "up", instance, job: "node" }),
);

/** Knows these expressions; what each does stands beside it. */
const EXPRESSIONS: Record<string, CompiledQuery> = {
  up: {
    type: "vector",
    instant: async (timeMs) => vector(timeMs, [1, 0]),
    range: async (span) => matrix(span),
  },
  "timestamp(up)": ofTarget(1_767_700_099),
  scrape_duration_seconds: ofTarget(0.25),
  scrape_samples_scraped: ofTarget(3),
  "42": {
    type: "scalar",
    instant: async (timeMs) => ({ type: "scalar", timeMs, value: 42, warnings: [] }),
    range: async (span) => matrix(span),
  },
  '"text"': {
    type: "string",
    instant: async (timeMs) => ({ type: "string", timeMs, value: "text", warnings: [] }),
    range: fails(new OperationalError("QUERY", "Not reached")),
  },
  "up[1m]": {
    type: "matrix",
    instant: async (timeMs) => matrix({ startMs: timeMs - 2000, endMs: timeMs, stepMs: 1000 }),
    range: fails(new OperationalError("QUERY", "Not reached")),
  },
  "many to many": failing(new OperationalError("QUERY", "Many matches on both sides")),
  huge: failing(new OperationalError("LIMIT", "Query needs more than 1000 samples")),
  disk: failing(new OperationalError("STORAGE", "Read error")),
  bug: failing(new TypeError("secret inner detail")),
};

function vector(timeMs: number, values: readonly number[]): QueryResult {
  const samples = UP_SERIES.map((labels, i) => ({ labels, value: values[i] ?? 0 }));
  return { type: "vector", timeMs, samples, warnings: ["a warning"] };
}

/** Of the series that the bed's first target has. */
function ofTarget(value: number): CompiledQuery {
  const labels = labelsOf({ instance: "app:80", job: "shop" });
  return {
    type: "vector",
    instant: async (timeMs) => {
      return { type: "vector", timeMs, samples: [{ labels, value }], warnings: [] };
    },
    range: fails(new OperationalError("QUERY", "Not reached")),
  };
}

function matrix({ startMs, endMs, stepMs }: QuerySpan): QueryResult {
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  const times = Float64Array.from({ length: count }, (_, i) => startMs + i * stepMs);
  const values = Float64Array.from({ length: count }, (_, i) => i / 2);
  return {
    type: "matrix",
    series: UP_SERIES.map((labels) => ({ labels, times, values })),
    warnings: [],
  };
}

function fails(error: Error): () => Promise<never> {
  return async () => {
    throw error;
  };
}

function failing(error: Error): CompiledQuery {
  return { type: "vector", instant: fails(error), range: fails(error) };
}

/** How many evaluations of `endless` began, and how many of them were ended from outside. */
type Endless = { begun: number; ended: number };

function endlessQuery(count: Endless): CompiledQuery {
  const untilAborted = (_: unknown, signal: AbortSignal) => {
    count.begun += 1;
    return new Promise<never>((_resolve, reject) => {
      const end = () => {
        count.ended += 1;
        reject(signal.reason);
      };
      signal.addEventListener("abort", end, { once: true });
    });
  };
  return { type: "vector", instant: untilAborted, range: untilAborted };
}

const queryPort = (endless: Endless): QueryPort => ({
  compile: (text) => {
    const known = text === "endless" ? endlessQuery(endless) : EXPRESSIONS[text];
    if (known === undefined) throw new OperationalError("QUERY", `PromQL 1:1: unknown "${text}"`);
    return known;
  },
  format: (text) => {
    if (text === "") throw new OperationalError("QUERY", "PromQL 1:1: no expression");
    return `formatted ${text}`;
  },
  parsed: (text) => ({ type: "vectorSelector", name: text }),
  parseSelector: (text) => {
    const match = /^(\w+)(?:\{instance="(\w+)"\})?$/.exec(text);
    if (match === null) throw new OperationalError("QUERY", `PromQL 1:1: not a selector`);
    const matchers: Matcher[] = [{ name: "__name__", type: "=", value: match[1] ?? "" }];
    if (match[2] !== undefined) matchers.push({ name: "instance", type: "=", value: match[2] });
    return matchers;
  },
});

/** The times of the last listing, for tests that ask what arrived. */
type ListingSpan = { startMs: number; endMs: number };

function seriesPort(span: ListingSpan): SeriesPort {
  const matching = (sets: readonly (readonly Matcher[])[], startMs: number, endMs: number) => {
    Object.assign(span, { startMs, endMs });
    return UP_SERIES.filter(
      (labels) =>
        sets.length === 0 ||
        sets.some((set) => set.every(({ name, value }) => labelValue(labels, name) === value)),
    );
  };
  return {
    seriesLabels: async (...args) => matching(...args).reverse(),
    labelNames: async (...args) =>
      matching(...args).length === 0 ? [] : ["job", "instance", "__name__"],
    labelValues: async (name, ...args) => [
      ...new Set(matching(...args).map((labels) => labelValue(labels, name))),
    ],
  };
}

const NODES: readonly NodeStatus[] = [
  {
    name: "db1",
    state: "down",
    stateSinceMs: 1_767_700_000_000,
    agentVersion: "0.1.0",
    address: "",
    lastTickMs: 1_767_699_996_000,
    framesStored: 12,
    framesDuplicate: 1,
    framesRejected: 0,
    framesMissing: 3,
    series: 0,
    logAccounting: {
      made: 5,
      stored: 5,
      waiting: 0,
      dropped: [],
      unaccounted: 0,
      toldMs: 1_767_699_996_000,
      ranges: [],
    },
    accounting: {
      made: 20,
      stored: 12,
      waiting: 4,
      dropped: [{ reason: "buffer_full", frames: 3 }],
      unaccounted: 1,
      toldMs: 1_767_699_996_000,
      ranges: [
        {
          id: 1,
          fromSeq: 9,
          toSeq: 11,
          fromMs: 1_767_699_900_000,
          toMs: 1_767_699_902_000,
          reason: "buffer_full",
          frames: 3,
          samples: 30,
        },
      ],
    },
    clockAheadMs: -3250,
    isClockOff: true,
  },
  {
    name: "web1",
    state: "up",
    stateSinceMs: 1_767_690_000_000,
    agentVersion: "0.1.0",
    address: "10.0.0.7:4711",
    lastTickMs: 1_767_700_100_000,
    framesStored: 10_100,
    framesDuplicate: 0,
    framesRejected: 0,
    framesMissing: 0,
    series: 962,
    accounting: null,
    logAccounting: null,
    clockAheadMs: null,
    isClockOff: false,
  },
];

const STATUS: StatusPort = {
  startedAtMs: 1_767_700_000_000,
  configText: () => "retention: 1000\n",
  flags: () => ({ "query.timeout": "2m" }),
  reloaded: () => ({ isGood: true, timeMs: 1_767_700_000_000 }),
  retentionText: () => "15d",
  index: () => ({
    ...{ series: 2, labelPairs: 4, minMs: 1, maxMs: 2 },
    seriesByMetric: [["up", 2]],
    valuesByLabel: [["instance", 2]],
    bytesByLabel: [["instance", 7]],
    seriesByPair: [["job=node", 2]],
  }),
  metadata: ({ metric }) =>
    metric === "up" ? [["up", [{ type: "gauge", help: "Is it up.", unit: "" }]]] : [],
  latest: async () =>
    UP_SERIES.map((labels, i) => ({ labels, timeMs: 1_767_700_000_000 + i, value: 1e-7 * i })),
  externalLabels: labelsOf({ site: "a", job: "other" }),
};

export function createApiBed(
  options: { readonly timeoutMs?: number; readonly clock?: Clock } = {},
) {
  const listing: ListingSpan = { startMs: 0, endMs: 0 };
  const endless: Endless = { begun: 0, ended: 0 };
  const ports = {
    query: queryPort(endless),
    series: seriesPort(listing),
    nodes: { nodes: () => NODES, targets: () => TOLD_TARGETS },
    rules: { groups: () => [RULE_GROUP] },
    clock: nodeClock,
  };
  const lines = new MemoryLines();
  const limits = { timeoutMs: options.timeoutMs ?? 600_000, runningMax: 4, waitingMax: 4 };
  return {
    api: new QueryApi(ports, limits),
    logs: lines.api,
    push: lines.push,
    patterns: new PatternsApi(
      { list: async () => NO_PATTERNS, parseSelector: () => [] },
      nodeClock,
    ),
    alerts: new MemoryAlerts(options.clock ?? nodeClock),
    endless,
    listing,
    logger: new MemoryLogger(),
    metrics: new Metrics(),
    clock: nodeClock,
    gate: null,
    prefix: "",
    corsOrigins: [] as string[],
    status: STATUS,
    remoteWrite: { write: async () => ({ status: 204, text: "", samplesWritten: 0 }) },
    addPage: () => {},
    reloads: { reload: async (): Promise<OperationalError | null> => null },
  };
}

/** Serves it on a port of this machine until the test has finished. */
export async function startGrpcBed(clock: Clock = nodeClock) {
  const bed = createApiBed({ clock });
  const query = createQueryService(bed.api, bed.logger);
  const logs = createLogsService(bed.logs, bed.logger);
  const alerts = createAlertsService(bed.alerts, clock, bed.logger);
  const services = createServicesService(bed.api, bed.logger);
  const targets = createTargetsService(bed.api, bed.logger);
  const ingest = { Stream: () => {} };
  const deps = { ingest, query, logs, alerts, services, targets, clock, access: null };
  const server = await startGrpcServer(deps, LOOPBACK);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { ...bed, deps, server };
}
