/** The body of a webhook request: Alertmanager's JSON, version "4". */

import { z } from "zod";
import {
  keepLabels,
  type Labels,
  labelPairs,
  labelsFrom,
  labelsRecord,
  labelValue,
} from "../../../shared/model/labels.ts";

/** An alert that began or ceased to fire. Times are Unix milliseconds. */
export type AlertChange = {
  readonly status: "firing" | "resolved";
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number;
  /** Null while it fires. */
  readonly endsAtMs: number | null;
  readonly generatorUrl: string;
};

/** What waits in the outbox: changes that are told in one request. */
export type Notification = {
  readonly timeMs: number;
  readonly groupLabels: Labels;
  readonly alerts: readonly AlertChange[];
};

const labels = z.array(z.string()).refine((texts) => texts.length % 2 === 0);
const notification = z.object({
  timeMs: z.number(),
  groupLabels: labels,
  alerts: z.array(
    z.object({
      status: z.enum(["firing", "resolved"]),
      labels,
      annotations: labels,
      startsAtMs: z.number(),
      endsAtMs: z.number().nullable(),
      generatorUrl: z.string(),
    }),
  ),
});

export function encodeNotification(value: Notification): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Null for bytes that are damaged. */
export function decodeNotification(bytes: Uint8Array): Notification | null {
  try {
    return notification.safeParse(JSON.parse(Buffer.from(bytes).toString())).data ?? null;
  } catch {
    return null; // not even JSON
  }
}

/**
 * Changes that go together, in their order. `groupBy` null: each label set on its own. At most
 * `alertsMax` in one, so that no request grows without bound.
 */
export function groupChanges(
  changes: readonly AlertChange[],
  groupBy: readonly string[] | null,
  timeMs: number,
  alertsMax: number,
): Notification[] {
  const names = groupBy === null ? null : new Set(groupBy);
  const groups = new Map<string, { groupLabels: Labels; alerts: AlertChange[] }>();
  for (const change of changes) {
    const groupLabels = names === null ? change.labels : keepLabels(change.labels, names);
    const key = groupLabels.join("\0");
    const group = groups.get(key) ?? { groupLabels, alerts: [] };
    groups.set(key, group);
    group.alerts.push(change);
  }
  return [...groups.values()].flatMap(({ groupLabels, alerts }) => {
    const parts: Notification[] = [];
    for (let i = 0; i < alerts.length; i += alertsMax) {
      parts.push({ timeMs, groupLabels, alerts: alerts.slice(i, i + alertsMax) });
    }
    return parts;
  });
}

/**
 * Alertmanager's message (notify/webhook and template.Data in its source). `alertsMax` 0: all. The
 * message is resolved only when all of its alerts are.
 */
export function webhookBody(
  { groupLabels, alerts }: Notification,
  options: {
    readonly receiver: string;
    readonly externalUrl: string;
    readonly alertsMax: number;
  },
): string {
  const { receiver, externalUrl, alertsMax } = options;
  const shown = alertsMax > 0 ? alerts.slice(0, alertsMax) : alerts;
  const isFiring = shown.some(({ status }) => status === "firing");
  return JSON.stringify({
    receiver,
    status: isFiring ? "firing" : "resolved",
    alerts: shown.map((alert) => ({
      status: alert.status,
      labels: labelsRecord(alert.labels),
      annotations: labelsRecord(alert.annotations),
      startsAt: formatTime(alert.startsAtMs),
      endsAt: alert.endsAtMs === null ? "0001-01-01T00:00:00Z" : formatTime(alert.endsAtMs),
      generatorURL: alert.generatorUrl,
      fingerprint: fingerprint(alert.labels),
    })),
    groupLabels: labelsRecord(groupLabels),
    commonLabels: labelsRecord(common(shown.map((alert) => alert.labels))),
    commonAnnotations: labelsRecord(common(shown.map((alert) => alert.annotations))),
    externalURL: externalUrl,
    version: "4",
    groupKey: groupKey(groupLabels),
    truncatedAlerts: alerts.length - shown.length,
  });
}

/** The root route and the group's labels. */
export function groupKey(groupLabels: Labels): string {
  const pairs = labelPairs(groupLabels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{}:{${pairs.join(", ")}}`;
}

function common(sets: readonly Labels[]): Labels {
  const [first = [], ...others] = sets;
  return labelsFrom(
    labelPairs(first).filter(([name, value]) =>
      others.every((other) => labelValue(other, name) === value),
    ),
  );
}

/** RFC 3339 as Go writes it: no digits after the second that are not needed. */
function formatTime(timeMs: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: writes a time that is given, reads no clock
  return new Date(timeMs).toISOString().replace(/\.?0*Z$/, "Z");
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const SEPARATOR = 255;

/** FNV-1a, 64 bits, over names and values with a byte 255 after each: as Prometheus has it. */
export function fingerprint(labels: Labels): string {
  let hash = FNV_OFFSET;
  for (const text of labels) {
    for (const byte of [...Buffer.from(text), SEPARATOR]) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
    }
  }
  return hash.toString(16).padStart(16, "0");
}
