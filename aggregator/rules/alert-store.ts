/**
 * Active alerts in the store, so that a restart neither forgets one nor tells of it twice.
 *
 * Key: `r|RULE|ALERT`, both 32 hex digits of a SHA-256: of the rule's identity (file, group, name,
 * its labels, and which of several equal ones it is) and of the alert's labels. So a rule may move
 * within its group, and change its expression, without losing its alerts. Value: the alert as JSON.
 * An alert that is no longer active has no entry.
 */

import { createHash } from "node:crypto";
import { z } from "zod";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import type { BatchOperation, Entry } from "../../shared/platform/ports.ts";
import type { AlertState } from "./alert-state.ts";
import type { Rule } from "./rule-files.ts";

/** One alert that is pending or firing. */
export type ActiveAlert = {
  /** The element of the expression it stands for, without the metric name. */
  readonly source: Labels;
  readonly labels: Labels;
  /** As of the last evaluation with data; after a restart as of the last change of state. */
  readonly annotations: Labels;
  readonly value: number;
  readonly state: Exclude<AlertState, { kind: "inactive" }>;
  /** Null: it does not fire yet. */
  readonly firedAtMs: number | null;
  /** The expression that found it. */
  readonly query: string;
};

/** Alerts of one rule, by `labelsKey` of their labels. */
export type ActiveAlerts = ReadonlyMap<string, ActiveAlert>;

const PREFIX = "r|";
const AFTER_PREFIX = "r}";

/** All entries of alerts in a store. */
export const ALERT_RANGE = { gte: Buffer.from(PREFIX), lt: Buffer.from(AFTER_PREFIX) };

/** The identities of a group's rules, in their order. */
export function ruleIds(file: string, group: string, rules: readonly Rule[]): string[] {
  const counts = new Map<string, number>();
  return rules.map((rule) => {
    const labels =
      rule.kind === "recording" ? rule.labels : rule.labels.map(([name, { text }]) => [name, text]);
    const identity = JSON.stringify([file, group, rule.kind, rule.name, labels]);
    const count = counts.get(identity) ?? 0;
    counts.set(identity, count + 1);
    return digest(`${identity}${count}`);
  });
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

export function putAlert(ruleId: string, alert: ActiveAlert): BatchOperation {
  // JSON has no NaN and no infinity; a text has.
  const text = JSON.stringify({ ...alert, value: String(alert.value) });
  return { type: "put", key: alertKey(ruleId, alert), value: Buffer.from(text) };
}

export function deleteAlert(ruleId: string, alert: ActiveAlert): BatchOperation {
  return { type: "del", key: alertKey(ruleId, alert) };
}

function alertKey(ruleId: string, { labels }: ActiveAlert): Uint8Array {
  return Buffer.from(`${PREFIX}${ruleId}|${digest(labelsKey(labels))}`);
}

const labelList = z.array(z.string()).refine((texts) => texts.length % 2 === 0);
const state = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("pending"), activeAtMs: z.number(), isNoData: z.boolean() }),
  z.object({
    kind: z.literal("firing"),
    activeAtMs: z.number(),
    absentSinceMs: z.number().nullable(),
    isNoData: z.boolean(),
  }),
]);
const storedAlert = z.object({
  source: labelList,
  labels: labelList,
  annotations: labelList,
  value: z.string().transform(Number),
  state,
  firedAtMs: z.number().nullable(),
  query: z.string(),
});

/** Null for an entry that is damaged. */
export function readAlert([key, value]: Entry): { ruleId: string; alert: ActiveAlert } | null {
  const [, ruleId = ""] = Buffer.from(key).toString().split("|");
  const parsed = storedAlert.safeParse(parseJson(Buffer.from(value).toString()));
  return parsed.success ? { ruleId, alert: parsed.data } : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the schema refuses it
  }
}
