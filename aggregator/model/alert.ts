import type { Labels } from "../../shared/model/labels.ts";

/**
 * Where an alert stands that is not inactive. Times are Unix milliseconds. `isNoData`: the state is
 * what it is because the data stopped. `absentSinceMs`: the condition no longer holds since then, and
 * keep_firing_for holds the alert.
 */
export type ActiveState = { readonly activeAtMs: number; readonly isNoData: boolean } & (
  | { readonly kind: "pending" }
  | { readonly kind: "firing"; readonly absentSinceMs: number | null }
);

/** One alert (one rule, one label set) that is pending or firing. */
export type Alert = {
  /** The element of the expression it stands for, without the metric name. */
  readonly source: Labels;
  readonly labels: Labels;
  /** As of the last evaluation with data; after a restart as of the last change of state. */
  readonly annotations: Labels;
  readonly value: number;
  readonly state: ActiveState;
  /** Null: it does not fire yet. */
  readonly firedAtMs: number | null;
  /** The expression that found it. */
  readonly query: string;
};

/** Alerts of one rule, by `labelsKey` of their labels. */
export type RuleAlerts = ReadonlyMap<string, Alert>;

/** What an evaluation of a rule ends in: it has these alerts and no other. */
export type RuleEvaluation = { readonly ruleId: string; readonly alerts: RuleAlerts };

/** What is outside: labels of this aggregator, and where people reach it, without a slash at the end. */
export type External = { readonly labels: Labels; readonly url: string };
