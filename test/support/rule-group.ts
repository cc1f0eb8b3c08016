import type { AlertSnapshot, RuleGroupSnapshot } from "../../aggregator/model/rule-snapshot.ts";
import { labelsOf, NO_LABELS } from "../../shared/model/labels.ts";

const EVALUATED_MS = 1_767_700_100_000; // 2026-01-06T11:48:20Z

export const ALERT: AlertSnapshot = {
  state: "firing",
  labels: labelsOf({ alertname: "NodeDown", instance: "db1", severity: "page" }),
  annotations: labelsOf({ summary: "db1 is down" }),
  activeAtMs: EVALUATED_MS - 100_000,
  keepFiringSinceMs: null,
  value: 0,
  isNoData: false,
};

/** A rule that fires and one that fails. */
export const RULE_GROUP: RuleGroupSnapshot = {
  name: "node",
  file: "/etc/telltale/rules/node.yaml",
  intervalMs: 1000,
  limit: 0,
  lastEvaluationMs: EVALUATED_MS,
  evaluationSeconds: 0.002,
  rules: [
    {
      type: "alerting",
      name: "NodeDown",
      query: "up == 0",
      labels: labelsOf({ severity: "page" }),
      health: "ok",
      lastError: "",
      lastEvaluationMs: EVALUATED_MS,
      evaluationSeconds: 0.001,
      state: "firing",
      forMs: 60_000,
      keepFiringForMs: 0,
      annotations: NO_LABELS,
      alerts: [ALERT],
    },
    {
      type: "recording",
      name: "job:up:sum",
      query: "sum by (job) (up)",
      labels: NO_LABELS,
      health: "err",
      lastError: "Many matches on both sides",
      lastEvaluationMs: EVALUATED_MS,
      evaluationSeconds: 0.0005,
    },
  ],
};
