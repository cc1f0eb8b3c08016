import { type ServerUnaryCall, status } from "@grpc/grpc-js";
import type { Logger } from "../../shared/platform/ports.ts";
import type { Node } from "../../shared/wire/generated/telltale/v1/Node.ts";
import type { QueryHandlers } from "../../shared/wire/generated/telltale/v1/Query.ts";
import type { QueryResponse } from "../../shared/wire/generated/telltale/v1/QueryResponse.ts";
import type { RuleGroup } from "../../shared/wire/generated/telltale/v1/RuleGroup.ts";
import type { SeriesRequest__Output } from "../../shared/wire/generated/telltale/v1/SeriesRequest.ts";
import { answer as answerWith, type Status, statusOf } from "../../shared/wire/grpc-answer.ts";
import type { NodeAccounting, NodeStatus } from "../model/node.ts";
import type { AlertSnapshot, RuleGroupSnapshot } from "../model/rule-snapshot.ts";
import type { QueryResult } from "../query/result.ts";
import { ApiError, clientGone } from "./api-error.ts";
import type { QueryApi, RunOptions, SeriesQuery } from "./query-api.ts";

const LAST_HOUR_MS = 3_600_000;

/** The gRPC service telltale.v1.Query. */
export function createQueryService(api: QueryApi, logger: Logger): QueryHandlers {
  const answer = <In, Out>(work: (request: In, options: RunOptions) => Promise<Out> | Out) =>
    answerWith<In, Out>(
      (request, call) => work(request, runOptions(call, api.nowMs())),
      logger,
      queryStatus,
    );
  return {
    Instant: answer(async ({ query, timeMs }, options) =>
      queryResponse(await api.instant({ query, timeMs: timeMs || api.nowMs() }, options)),
    ),
    Range: answer(async (request, options) => queryResponse(await api.range(request, options))),
    Series: answer(async (request, options) => {
      const query = seriesQuery(request, api.nowMs(), LAST_HOUR_MS);
      const { items } = await api.series(query, options);
      return { series: items.map((labels) => ({ labels: [...labels] })) };
    }),
    Labels: answer(async (request, options) => {
      const { items } = await api.labelNames(seriesQuery(request, api.nowMs()), options);
      return { values: [...items] };
    }),
    LabelValues: answer(async (request, options) => {
      const query = seriesQuery(request, api.nowMs());
      const { items } = await api.labelValues(request.label, query, options);
      return { values: [...items] };
    }),
    Nodes: answer(() => ({ nodes: api.nodes().map(nodeMessage) })),
    Alerts: answer(() => ({ alerts: api.alerts().map(alertMessage) })),
    Rules: answer(() => ({ groups: api.ruleGroups().map(groupMessage) })),
  };
}

type Called = Pick<ServerUnaryCall<unknown, unknown>, "once" | "cancelled" | "getDeadline">;

/** The client's deadline is the query's timeout. */
export function runOptions(call: Called, nowMs: number): RunOptions {
  const gone = new AbortController();
  call.once("cancelled", () => gone.abort(clientGone()));
  if (call.cancelled) gone.abort(clientGone());
  const deadlineMs = Number(call.getDeadline());
  const timeoutMs = Number.isFinite(deadlineMs) ? Math.max(0, deadlineMs - nowMs) : null;
  return { timeoutMs, limit: null, signal: gone.signal };
}

export function queryStatus(error: unknown): Status {
  const { code, details } = statusOf(error);
  const type = error instanceof ApiError ? error.type : null;
  if (type === "timeout") return { code: status.DEADLINE_EXCEEDED, details };
  return { code: type === "canceled" ? status.CANCELLED : code, details };
}

/** A time of 0 is the default: from `defaultSpanMs` ago, or from the oldest, until now. */
function seriesQuery(
  request: Pick<SeriesRequest__Output, "match" | "startMs" | "endMs">,
  nowMs: number,
  defaultSpanMs = nowMs,
): SeriesQuery {
  const endMs = request.endMs || nowMs;
  const startMs = request.startMs || endMs - defaultSpanMs;
  return { selectors: request.match, startMs, endMs };
}

export function queryResponse(result: QueryResult): QueryResponse {
  const warnings = [...result.warnings];
  switch (result.type) {
    case "scalar": {
      const series = { labels: [], timesMs: [result.timeMs], values: [result.value] };
      return { resultType: "RESULT_TYPE_SCALAR", result: [series], warnings };
    }
    case "string":
      return { resultType: "RESULT_TYPE_STRING", stringValue: result.value, warnings };
    case "vector": {
      const series = result.samples.map(({ labels, value }) => {
        return { labels: [...labels], timesMs: [result.timeMs], values: [value] };
      });
      return { resultType: "RESULT_TYPE_VECTOR", result: series, warnings };
    }
    case "matrix": {
      const series = result.series.map(({ labels, times, values }) => {
        return { labels: [...labels], timesMs: Array.from(times), values: Array.from(values) };
      });
      return { resultType: "RESULT_TYPE_MATRIX", result: series, warnings };
    }
  }
}

const NODE_STATES = {
  awaited: "STATE_AWAITED",
  up: "STATE_UP",
  down: "STATE_DOWN",
  left: "STATE_LEFT",
} as const;

function nodeMessage({ clockAheadMs, accounting, logAccounting, ...node }: NodeStatus): Node {
  return {
    ...node,
    state: NODE_STATES[node.state],
    ...(clockAheadMs === null ? {} : { clockAheadMs: Math.round(clockAheadMs) }),
    accounting: accounting && accountingMessage(accounting),
    logAccounting: logAccounting && accountingMessage(logAccounting),
  };
}

function accountingMessage({ dropped, ranges, ...rest }: NodeAccounting) {
  return { ...rest, dropped: [...dropped], ranges: [...ranges] };
}

function alertMessage(alert: AlertSnapshot) {
  const { state, activeAtMs, value, isNoData } = alert;
  const labels = [...alert.labels];
  const annotations = [...alert.annotations];
  return { state, labels, annotations, activeAtMs, value, isNoData };
}

function groupMessage({ name, file, intervalMs, rules }: RuleGroupSnapshot): RuleGroup {
  return {
    name,
    file,
    intervalMs,
    rules: rules.map((rule) => ({
      type: rule.type,
      name: rule.name,
      query: rule.query,
      health: rule.health,
      lastError: rule.lastError,
      state: rule.type === "alerting" ? rule.state : "",
      lastEvaluationMs: rule.lastEvaluationMs,
      evaluationSeconds: rule.evaluationSeconds,
    })),
  };
}
