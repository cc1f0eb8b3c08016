/** Alertmanager's webhook: its part of the routing file, and its JSON, version "4". */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import {
  type Labels,
  labelPairs,
  labelsFrom,
  labelsRecord,
  labelValue,
} from "../../../shared/model/labels.ts";
import { formatRfc3339, ZERO_TIME } from "../../../shared/model/rfc3339.ts";
import type { Notification } from "../dispatch-state.ts";

/** One webhook of a receiver. */
export type Webhook = {
  readonly receiver: string;
  /** Its entries in the outbox: the receiver's name and which of its webhooks it is. */
  readonly queue: string;
  /** A secret: it often holds a token. Never logged. */
  readonly url: string;
  readonly sendsResolved: boolean;
  /** Alerts of one request at most, the rest is left out and counted in it; 0: all. */
  readonly alertsMax: number;
  readonly timeoutMs: number;
};

const TIMEOUT_DEFAULT_MS = 10_000;

export const webhookSchema = z.strictObject({
  url: z.string().refine(isHttpUrl, "must be an http or https URL").optional(),
  url_file: z.string().min(1).optional(),
  send_resolved: z.boolean().default(true),
  max_alerts: z.number().int().nonnegative().default(0),
  timeout: duration.default(0),
  http_config: z.undefined({ error: "not supported yet" }).optional(),
});

type RawWebhook = z.infer<typeof webhookSchema>;

export type Reading = {
  /** The text of a `url_file`. @throws OperationalError */
  readonly readText: (path: string) => string;
  readonly report: (message: string) => void;
};

export function readWebhook(
  raw: RawWebhook,
  place: { readonly receiver: string; readonly index: number },
  reading: Reading,
): Webhook {
  return {
    receiver: place.receiver,
    queue: `${place.receiver}/${place.index}`,
    url: readUrl(raw, reading),
    sendsResolved: raw.send_resolved,
    alertsMax: raw.max_alerts,
    timeoutMs: raw.timeout || TIMEOUT_DEFAULT_MS,
  };
}

function readUrl({ url, url_file: path }: RawWebhook, { readText, report }: Reading): string {
  if ((url === undefined) === (path === undefined)) report("one of url and url_file must be set");
  if (path === undefined) return url ?? "";
  try {
    const text = readText(path).trim();
    if (!isHttpUrl(text)) report(`url_file ${path} holds no http or https URL`);
    return text;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    report(`url_file: ${errorMessage(error)}`);
    return "";
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/**
 * Alertmanager's message (notify/webhook and template.Data in its source). `alertsMax` 0: all. The
 * message is resolved only when all of its alerts are.
 */
export function webhookBody(
  { groupKey, groupLabels, alerts }: Notification,
  { receiver, alertsMax }: Webhook,
  externalUrl: string,
): string {
  const shown = alertsMax > 0 ? alerts.slice(0, alertsMax) : alerts;
  const isFiring = shown.some(({ status }) => status === "firing");
  return JSON.stringify({
    receiver,
    status: isFiring ? "firing" : "resolved",
    alerts: shown.map((alert) => ({
      status: alert.status,
      labels: labelsRecord(alert.labels),
      annotations: labelsRecord(alert.annotations),
      startsAt: formatRfc3339(alert.startsAtMs),
      endsAt: alert.endsAtMs === null ? ZERO_TIME : formatRfc3339(alert.endsAtMs),
      generatorURL: alert.generatorUrl,
      fingerprint: fingerprint(alert.labels),
    })),
    groupLabels: labelsRecord(groupLabels),
    commonLabels: labelsRecord(common(shown.map((alert) => alert.labels))),
    commonAnnotations: labelsRecord(common(shown.map((alert) => alert.annotations))),
    externalURL: externalUrl,
    version: "4",
    groupKey,
    truncatedAlerts: alerts.length - shown.length,
  });
}

function common(sets: readonly Labels[]): Labels {
  const [first = [], ...others] = sets;
  return labelsFrom(
    labelPairs(first).filter(([name, value]) =>
      others.every((other) => labelValue(other, name) === value),
    ),
  );
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
