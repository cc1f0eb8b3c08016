/** incident.io: an alert source that takes Alertmanager's webhook message. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import type { HttpClientOptions } from "../../../shared/platform/http-client.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import { messageJson } from "../message-parts.ts";
import { answerOf, SEND_TIMEOUT_MS } from "./http-send.ts";
import type { IntegrationKind, Reading } from "./integration.ts";

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  url: z.string().default(""),
  url_file: z.string().min(1).optional(),
  alert_source_token: z.string().default(""),
  alert_source_token_file: z.string().min(1).optional(),
  max_alerts: z.number().int().nonnegative().optional(),
  timeout: duration.optional(),
});

type Raw = z.infer<typeof schema>;

const MESSAGE_BYTES_MAX = 512_000;

export const incidentioKind: IntegrationKind<Raw> = {
  name: "incidentio",
  schema,
  read: (raw, reading) => {
    const { url, url_file: path } = raw;
    if (url === "" && path === undefined) {
      reading.report("one of url or url_file must be configured");
    }
    const address = readSecret(reading, url, path, "url");
    if (address !== "") checkedUrl(reading, address, "url");
    const client = readClient(raw, reading);
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: raw.timeout || SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, { request, externalUrl }, signal) => {
        const by = { receiver: reading.receiver, externalUrl };
        let shown = Math.min(
          raw.max_alerts || Number.POSITIVE_INFINITY,
          notification.alerts.length,
        );
        let body = messageJson(notification, by, shown);
        while (Buffer.byteLength(body) > MESSAGE_BYTES_MAX && shown > 1) {
          shown = Math.floor(shown / 2);
          body = messageJson(notification, by, shown);
        }
        const headers = { "content-type": "application/json" };
        const posted = { method: "POST", url: address, headers, body, client } as const;
        return answerOf(await request(posted, signal));
      },
    };
  },
};

function readClient(raw: Raw, reading: Reading): HttpClientOptions {
  const client = readHttpConfig(raw.http_config, reading);
  const { alert_source_token: own, alert_source_token_file: path } = raw;
  const token = readSecret(reading, own, path, "alert_source_token");
  const hasOther = raw.http_config?.authorization !== undefined;
  if (token !== "" && hasOther) {
    reading.report("alert_source_token does not go with http_config.authorization");
  }
  if (token === "" && client.authorization === null) {
    reading.report(
      "at least one of alert_source_token, alert_source_token_file or http_config.authorization " +
        "must be configured",
    );
  }
  return token === "" ? client : { ...client, authorization: `Bearer ${token}` };
}
