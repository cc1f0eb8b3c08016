import type { Labels } from "../../shared/model/labels.ts";

/** How rules stand, for people and programs that ask. Times are Unix milliseconds; 0: not yet. */

export type RuleHealth = "unknown" | "ok" | "err";

export type AlertSnapshot = {
  /** With `alertname`. */
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly state: "pending" | "firing";
  readonly activeAtMs: number;
  /** Since when only keep_firing_for holds it; null: the condition holds. */
  readonly keepFiringSinceMs: number | null;
  readonly value: number;
  /** It stands because its data stopped. */
  readonly isNoData: boolean;
};

type RuleCommon = {
  readonly name: string;
  readonly query: string;
  readonly labels: Labels;
  readonly health: RuleHealth;
  readonly lastError: string;
  readonly lastEvaluationMs: number;
  readonly evaluationSeconds: number;
};

export type RuleSnapshot =
  | (RuleCommon & { readonly type: "recording" })
  | (RuleCommon & {
      readonly type: "alerting";
      readonly state: "inactive" | "pending" | "firing";
      readonly forMs: number;
      readonly keepFiringForMs: number;
      readonly annotations: Labels;
      readonly alerts: readonly AlertSnapshot[];
    });

export type RuleGroupSnapshot = {
  readonly name: string;
  readonly file: string;
  readonly intervalMs: number;
  readonly limit: number;
  readonly lastEvaluationMs: number;
  readonly evaluationSeconds: number;
  readonly rules: readonly RuleSnapshot[];
};
