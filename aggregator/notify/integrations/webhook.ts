/** Alertmanager's webhook: its message of version "4" as JSON, or a payload of the user's own form. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl, isHttpUrl, readSecret } from "../config/read-secret.ts";
import { messageJson } from "../message-parts.ts";
import { answerOf, SEND_TIMEOUT_MS } from "./http-send.ts";
import type { IntegrationKind, Reading } from "./integration.ts";
import { readTexts, readValues } from "./message-texts.ts";

const schema = z.strictObject({
  url: z.string().optional(),
  url_file: z.string().min(1).optional(),
  send_resolved: z.boolean().optional(),
  max_alerts: z.number().int().nonnegative().optional(),
  timeout: duration.optional(),
  payload: z.unknown().optional(),
  http_config: httpConfigSchema.optional(),
});

type Raw = z.infer<typeof schema>;

export const webhookKind: IntegrationKind<Raw> = {
  name: "webhook",
  schema,
  read: (raw, reading) => {
    const texts = readTexts(reading, { url: readUrl(raw, reading) });
    const client = readHttpConfig(raw.http_config, reading);
    const payload =
      raw.payload === undefined ? null : readValues(reading, raw.payload, ["payload"]);
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: raw.timeout || SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const { url } = texts(notification, ports);
        if (!isHttpUrl(url)) {
          const text = "the template of the url gives no http or https URL";
          return { outcome: "rejected", text, retryAfterMs: null };
        }
        const by = { receiver: reading.receiver, externalUrl: ports.externalUrl };
        const body =
          payload === null
            ? messageJson(notification, by, raw.max_alerts ?? 0)
            : JSON.stringify(payload(notification, ports));
        const headers = { "content-type": "application/json" };
        const request = { method: "POST", url, headers, body, client } as const;
        return answerOf(await ports.request(request, signal));
      },
    };
  },
};

function readUrl({ url, url_file: path }: Raw, reading: Reading): string {
  if ((url === undefined) === (path === undefined)) {
    reading.report("one of url and url_file must be configured");
    return "";
  }
  const text = readSecret(reading, url, path, "url");
  // Whether a template gives a URL shows when it is expanded.
  return text.includes("{{")
    ? text
    : checkedUrl(reading, text, path === undefined ? "url" : "url_file");
}
