/** A cluster of Alertmanagers elsewhere, which route on; Telltale's own kind. */

import { z } from "zod";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import { labelsRecord } from "../../../shared/model/labels.ts";
import { formatRfc3339 } from "../../../shared/model/rfc3339.ts";
import type { Notification } from "../../model/notification.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { answerOf, joinUrl, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind, SendAnswer } from "./integration.ts";

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  /** Where the peers are, without `/api/v2/alerts`. */
  urls: z.array(z.string()).min(1).max(20),
});

type Raw = z.infer<typeof schema>;

/**
 * An Alertmanager ends by itself what is not said again. It is said again after the repeat interval,
 * which is hours; an end in a day leaves room for that, and nothing fires for ever whose end got lost.
 */
const FIRES_ON_MS = 86_400_000;

/**
 * Every peer is told, because they do not tell each other of alerts. It is delivered when one of them
 * took it: with a peer that is away for days the others would else hear nothing. What that peer missed
 * it gets with the group's next notification.
 */
export const alertmanagerKind: IntegrationKind<Raw> = {
  name: "alertmanager",
  schema,
  read: (raw, reading) => {
    for (const [i, url] of raw.urls.entries()) {
      const report = (message: string) => reading.report(message, ["urls", i]);
      checkedUrl({ ...reading, report }, url, "it");
    }
    const client = readHttpConfig(raw.http_config, reading);
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const alerts = alertsOf(notification, ports.nowMs());
        const ask = async (url: string): Promise<SendAnswer> => {
          const request = { url: joinUrl(url, "api/v2/alerts"), client };
          const answer = answerOf(await sendJson(ports, request, alerts, signal));
          return { ...answer, text: `${new URL(url).host}: ${answer.text}` };
        };
        return combined(await Promise.all(raw.urls.map((url) => ask(url).catch(unavailable))));
      },
    };
  },
};

function unavailable(error: unknown): SendAnswer {
  if (!(error instanceof OperationalError)) throw error;
  return { outcome: "retry", text: errorMessage(error), retryAfterMs: null };
}

function combined(answers: readonly SendAnswer[]): SendAnswer {
  const outcomes = answers.map(({ outcome }) => outcome);
  const last = outcomes.includes("retry") ? "retry" : "rejected";
  return {
    outcome: outcomes.includes("delivered") ? "delivered" : last,
    text: answers.map(({ text }) => text).join("; "),
    retryAfterMs: Math.max(...answers.map(({ retryAfterMs }) => retryAfterMs ?? 0)) || null,
  };
}

function alertsOf({ alerts }: Notification, nowMs: number) {
  return alerts.map(({ labels, annotations, startsAtMs, endsAtMs, generatorUrl }) => ({
    labels: labelsRecord(labels),
    annotations: labelsRecord(annotations),
    startsAt: formatRfc3339(startsAtMs),
    endsAt: formatRfc3339(endsAtMs ?? nowMs + FIRES_ON_MS),
    generatorURL: generatorUrl,
  }));
}
