/** What receivers are told of a notification besides its alerts. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  dropLabels,
  type Labels,
  labelPairs,
  labelsKey,
  labelsRecord,
  labelValue,
  NO_LABELS,
} from "../../shared/model/labels.ts";
import { formatRfc3339, ZERO_TIME } from "../../shared/model/rfc3339.ts";
import type { Notification, NotifiedAlert } from "../model/notification.ts";

/** A message is resolved only when all of its alerts are. */
export function isFiring({ alerts }: Pick<Notification, "alerts">): boolean {
  return alerts.some(({ status }) => status === "firing");
}

/** Names a group where a receiver wants a short key: SHA-256, 64 hex digits, as Alertmanager has it. */
export function groupHash({ groupKey }: Pick<Notification, "groupKey">): string {
  return createHash("sha256").update(groupKey).digest("hex");
}

/** What all of the sets have in common. */
export function commonLabels(sets: readonly Labels[]): Labels {
  const [first = NO_LABELS, ...others] = sets;
  if (others.length === 0) return first;
  const differing = labelPairs(first).filter(([name, value]) =>
    others.some((other) => labelValue(other, name) !== value),
  );
  return dropLabels(first, new Set(differing.map(([name]) => name)));
}

const OFFSET_HIGH = 0xcbf29ce4;
const OFFSET_LOW = 0x84222325;
/** The prime is 2^40 and this. */
const PRIME_LOW = 0x1b3;
const TWO_32 = 2 ** 32;
const NO_BYTES = new Uint8Array();

/** FNV-1a, 64 bits, over names and values with a byte 255 after each: as Prometheus has it. */
export function fingerprint(labels: Labels): string {
  // A byte 0, which separates the texts of the key, is in none of them.
  const bytes = labels.length === 0 ? NO_BYTES : Buffer.from(`${labelsKey(labels)}\0`);
  let high = OFFSET_HIGH;
  let low = OFFSET_LOW;
  for (let i = 0; i < bytes.length; i += 1) {
    low = (low ^ (bytes[i] || 255)) >>> 0;
    const product = low * PRIME_LOW;
    const carry = Math.floor(product / TWO_32);
    high = (high * PRIME_LOW + carry + low * 256) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/**
 * Alertmanager's webhook message, version "4", as JSON.
 * @param alertsMax the rest is left out and counted; 0: all are in it
 */
export function messageJson(
  { groupKey, groupLabels, alerts }: Notification,
  { receiver, externalUrl }: { readonly receiver: string; readonly externalUrl: string },
  alertsMax: number,
): string {
  const shown = alertsMax > 0 ? alerts.slice(0, alertsMax) : alerts;
  return JSON.stringify({
    receiver,
    status: isFiring({ alerts: shown }) ? "firing" : "resolved",
    alerts: shown.map(alertRecord),
    groupLabels: labelsRecord(groupLabels),
    commonLabels: labelsRecord(commonLabels(shown.map((alert) => alert.labels))),
    commonAnnotations: labelsRecord(commonLabels(shown.map((alert) => alert.annotations))),
    externalURL: externalUrl,
    version: "4",
    groupKey,
    truncatedAlerts: alerts.length - shown.length,
  });
}

function alertRecord(alert: NotifiedAlert) {
  return {
    status: alert.status,
    labels: labelsRecord(alert.labels),
    annotations: labelsRecord(alert.annotations),
    startsAt: formatRfc3339(alert.startsAtMs),
    endsAt: alert.endsAtMs === null ? ZERO_TIME : formatRfc3339(alert.endsAtMs),
    generatorURL: alert.generatorUrl,
    fingerprint: fingerprint(alert.labels),
  };
}

/** Several as one: of the first group, with the labels that all groups share. */
export function mergeNotifications(all: readonly Notification[]): Notification {
  const [first, ...others] = all;
  assert(first !== undefined, "there is something to send");
  if (others.length === 0) return first;
  return {
    timeMs: Math.max(...all.map(({ timeMs }) => timeMs)),
    groupKey: first.groupKey,
    groupLabels: commonLabels(all.map(({ groupLabels }) => groupLabels)),
    alerts: all.flatMap(({ alerts }) => alerts),
  };
}
