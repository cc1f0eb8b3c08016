import { exponentText } from "../../shared/model/go-number.ts";
import { type Labels, labelsRecord } from "../../shared/model/labels.ts";
import { formatRfc3339, ZERO_TIME } from "../../shared/model/rfc3339.ts";
import type { AlertSnapshot, RuleSnapshot } from "../model/rule-snapshot.ts";
import type { QueryResult } from "../query/result.ts";
import { labelsText, resultPieces } from "../query/result-pieces.ts";
import type { ErrorType } from "./api-error.ts";
import type { RuleList } from "./rule-list.ts";

/**
 * The bodies of Prometheus' HTTP API, version 1. Sources: prometheus.io/docs, "HTTP API", and
 * web/api/v1 and util/jsonutil of Prometheus for how numbers and times are written. Results of
 * queries are written in pieces: they can have millions of samples.
 */

/** `data` is JSON text. */
export function successBody(
  data: string,
  warnings: readonly string[] = [],
  infos: readonly string[] = [],
): string {
  return `{"status":"success","data":${data}${remarksTail(warnings, infos)}}`;
}

function remarksTail(warnings: readonly string[], infos: readonly string[] = []): string {
  return remarksText("warnings", "warning", warnings) + remarksText("infos", "info", infos);
}

/** Of each kind, as in Prometheus. */
const REMARKS_MAX = 10;

function remarksText(key: string, kind: string, remarks: readonly string[]): string {
  if (remarks.length === 0) return "";
  const texts = remarks.slice(0, REMARKS_MAX);
  const left = remarks.length - texts.length;
  if (left > 0) texts.push(`${left} more ${kind} annotations omitted`);
  return `,"${key}":${JSON.stringify(texts)}`;
}

export function errorBody(errorType: ErrorType, error: string): string {
  return JSON.stringify({ status: "error", errorType, error });
}

/** In pieces, as `resultPieces` has them. @param statistics JSON text; "": none */
export function queryBody(result: QueryResult, statistics = ""): Iterable<Uint8Array> {
  const stats = statistics === "" ? "" : `,"stats":${statistics}`;
  const before = `{"status":"success","data":{"resultType":"${result.type}","result":`;
  return resultPieces(before, result, `${stats}}${remarksTail(result.warnings, result.infos)}}`);
}

/** JSON text. Of the time only the whole is known. */
export function statisticsText({ samplesHeld = 0 }: QueryResult, seconds: number): string {
  return JSON.stringify({
    timings: {
      evalTotalTime: seconds,
      resultSortTime: 0,
      queryPreparationTime: 0,
      innerEvalTime: seconds,
      execQueueTime: 0,
      execTotalTime: seconds,
    },
    samples: { totalQueryableSamples: samplesHeld, peakSamples: samplesHeld },
  });
}

export function seriesListText(series: readonly Labels[]): string {
  return `[${series.map(labelsText).join(",")}]`;
}

export function alertsText(alerts: readonly AlertSnapshot[]): string {
  return JSON.stringify({ alerts: alerts.map(alertObject) });
}

export function rulesText({ groups, nextToken }: RuleList): string {
  return JSON.stringify({
    groups: groups.map((group) => ({
      name: group.name,
      file: group.file,
      rules: group.rules.map(ruleObject),
      interval: group.intervalMs / 1000,
      limit: group.limit,
      evaluationTime: group.evaluationSeconds,
      lastEvaluation: evaluationTime(group.lastEvaluationMs),
    })),
    ...(nextToken === null ? {} : { groupNextToken: nextToken }),
  });
}

function ruleObject(rule: RuleSnapshot): object {
  const common = {
    health: rule.health,
    ...(rule.lastError === "" ? {} : { lastError: rule.lastError }),
    evaluationTime: rule.evaluationSeconds,
    lastEvaluation: evaluationTime(rule.lastEvaluationMs),
    type: rule.type,
  };
  const { name, query } = rule;
  if (rule.type === "recording") {
    const labels = rule.labels.length === 0 ? {} : { labels: labelsRecord(rule.labels) };
    return { name, query, ...labels, ...common };
  }
  return {
    state: rule.state,
    name,
    query,
    duration: rule.forMs / 1000,
    keepFiringFor: rule.keepFiringForMs / 1000,
    labels: labelsRecord(rule.labels),
    annotations: labelsRecord(rule.annotations),
    alerts: rule.alerts.map(alertObject),
    ...common,
  };
}

function alertObject(alert: AlertSnapshot): object {
  const heldSinceMs = alert.keepFiringSinceMs;
  const held = heldSinceMs === null ? {} : { keepFiringSince: formatRfc3339(heldSinceMs) };
  return {
    labels: labelsRecord(alert.labels),
    annotations: labelsRecord(alert.annotations),
    state: alert.state,
    activeAt: formatRfc3339(alert.activeAtMs),
    ...held,
    value: exponentText(alert.value),
  };
}

function evaluationTime(timeMs: number): string {
  return timeMs === 0 ? ZERO_TIME : formatRfc3339(timeMs);
}
