/**
 * The records of the alert table, as JSON.
 *
 * `r|RULE|DIGEST`: an alert of a rule that is pending or firing, by the rule's id and a digest of the
 * alert's own labels, so a rule may move within its group, and change its expression, without losing
 * its alerts.
 * `e|DIGEST`: an alert that no rule holds: one that was posted, or that ended and that not everybody
 * has been told of yet; by a digest of its labels as receivers get them.
 * `k|DIGEST`: who has acknowledged the alert with this digest.
 */

import { createHash } from "node:crypto";
import { z } from "zod";
import { labelsKey } from "../../shared/model/labels.ts";
import { jsonRecord } from "../../shared/platform/json-record.ts";
import { type BatchOperation, del, type Entry, put } from "../../shared/platform/ports.ts";
import type { Alert } from "../model/alert.ts";
import type { KnownAlert } from "./dispatch/known-alert.ts";

/** An alert of a rule, and how old the data was by which it last changed; 0: not late. */
export type AlertRecord = Alert & { readonly lateMs: number };

const RULE_PREFIX = "r|";
const KEPT_PREFIX = "e|";
const ACKNOWLEDGED_PREFIX = "k|";
export const RULE_ALERTS = { gte: Buffer.from(RULE_PREFIX), lt: Buffer.from("r}") };
export const ACKNOWLEDGEMENTS = { gte: Buffer.from(ACKNOWLEDGED_PREFIX), lt: Buffer.from("k}") };
export const KEPT_ALERTS = { gte: Buffer.from(KEPT_PREFIX), lt: Buffer.from("e}") };

export function putRecord(ruleId: string, record: AlertRecord): BatchOperation {
  // JSON has no NaN and no infinity; a text has.
  const text = JSON.stringify({ ...record, value: String(record.value) });
  return put(recordKey(ruleId, record), Buffer.from(text));
}

export function deleteRecord(ruleId: string, alert: Alert): BatchOperation {
  return del(recordKey(ruleId, alert));
}

function recordKey(ruleId: string, { labels }: Alert): Uint8Array {
  return Buffer.from(`${RULE_PREFIX}${ruleId}|${digestOf(labelsKey(labels))}`);
}

/** 32 hex digits. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

export const labels = z.array(z.string()).refine((texts) => texts.length % 2 === 0);

const state = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("pending"), activeAtMs: z.number(), isNoData: z.boolean() }),
  z.object({
    kind: z.literal("firing"),
    activeAtMs: z.number(),
    absentSinceMs: z.number().nullable(),
    isNoData: z.boolean(),
  }),
]);
const storedRecord = z.object({
  source: labels,
  labels,
  annotations: labels,
  value: z.string().transform(Number),
  state,
  firedAtMs: z.number().nullable(),
  query: z.string(),
  lateMs: z.number().default(0),
});

/** Null for an entry that is damaged. */
export function readRecord([key, value]: Entry): { ruleId: string; record: AlertRecord } | null {
  const [, ruleId = ""] = Buffer.from(key).toString().split("|");
  const record = jsonRecord(storedRecord, value);
  return record === null ? null : { ruleId, record };
}

export function putKept(alert: KnownAlert): BatchOperation {
  const { key: _key, digest, ...stored } = alert;
  return put(keptKey(digest), Buffer.from(JSON.stringify(stored)));
}

export function deleteKept({ digest }: KnownAlert): BatchOperation {
  return del(keptKey(digest));
}

function keptKey(digest: string): Uint8Array {
  return Buffer.from(KEPT_PREFIX + digest);
}

const storedKept = z.object({
  labels,
  annotations: labels,
  startsAtMs: z.number(),
  endsAtMs: z.number(),
  endKind: z.enum(["over", "posted", "timeout", "held"]),
  updatedAtMs: z.number(),
  generatorUrl: z.string(),
  lateMs: z.number(),
  flapping: z.string(),
});

/** Null for an entry that is damaged. */
export function readKept([, value]: Entry): KnownAlert | null {
  const stored = jsonRecord(storedKept, value);
  if (stored === null) return null;
  const key = labelsKey(stored.labels);
  return { ...stored, key, digest: digestOf(key) };
}

/** Who acknowledges, and what they say of it. */
export type Author = { readonly createdBy: string; readonly comment: string };

/** Of the alert with this key, as long as it is the one that began by then. */
export type Acknowledgement = Author & {
  readonly key: string;
  readonly startsAtMs: number;
  readonly timeMs: number;
};

const storedAcknowledgement = z.object({
  key: z.string(),
  startsAtMs: z.number(),
  timeMs: z.number(),
  createdBy: z.string(),
  comment: z.string(),
});

export function putAcknowledgement(digest: string, one: Acknowledgement): BatchOperation {
  return put(Buffer.from(ACKNOWLEDGED_PREFIX + digest), Buffer.from(JSON.stringify(one)));
}

export function deleteAcknowledgement(digest: string): BatchOperation {
  return del(Buffer.from(ACKNOWLEDGED_PREFIX + digest));
}

/** Null for an entry that is damaged. */
export function readAcknowledgement([, value]: Entry): Acknowledgement | null {
  return jsonRecord(storedAcknowledgement, value);
}
