import { type Labels, labelsFrom } from "../../shared/model/labels.ts";
import type { Alert, RuleAlerts } from "../model/alert.ts";
import type { AlertSnapshot, RuleSnapshot } from "../model/rule-snapshot.ts";
import type { Rule, TemplateLabels } from "./rule-files.ts";

type RuleStanding = Pick<
  RuleSnapshot,
  "health" | "lastError" | "lastEvaluationMs" | "evaluationSeconds"
>;

/** How one rule stands, for people and programs that ask. */
export function snapshotRule(rule: Rule, standing: RuleStanding, active: RuleAlerts): RuleSnapshot {
  const common = { name: rule.name, query: rule.expr.query, ...standing };
  if (rule.kind === "recording") return { type: "recording", ...common, labels: rule.labels };
  const alerts = [...active.values()].map(snapshotAlert);
  const isFiring = alerts.some(({ state }) => state === "firing");
  return {
    type: "alerting",
    ...common,
    labels: templateTexts(rule.labels),
    state: isFiring ? "firing" : alerts.length > 0 ? "pending" : "inactive",
    forMs: rule.forMs,
    keepFiringForMs: rule.keepFiringForMs,
    annotations: templateTexts(rule.annotations),
    alerts,
  };
}

function snapshotAlert({ labels, annotations, value, state }: Alert): AlertSnapshot {
  return {
    labels,
    annotations,
    state: state.kind,
    activeAtMs: state.activeAtMs,
    keepFiringSinceMs: state.kind === "firing" ? state.absentSinceMs : null,
    value,
    isNoData: state.isNoData,
  };
}

/** The texts as in the file. */
function templateTexts(templates: TemplateLabels): Labels {
  return labelsFrom(templates.map(([name, { text }]) => [name, text]));
}
