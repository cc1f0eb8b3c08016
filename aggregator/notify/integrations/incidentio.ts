/** incident.io: an alert source that takes Alertmanager's webhook message. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import type { HttpClientOptions } from "../../../shared/platform/http-client.ts";
import type { Notification } from "../../model/notification.ts";
import { messageJson } from "../message-parts.ts";
import { neededUrl, secretFields, secretOf } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { JSON_TYPE, sendText, withBearer } from "./http-send.ts";
import type { Reading } from "./integration.ts";
import { answerOf } from "./send-answer.ts";

const MESSAGE_BYTES_MAX = 512_000;

const schema = z.strictObject({
  ...httpFields,
  ...secretFields("url"),
  ...secretFields("alert_source_token"),
  max_alerts: z.number().int().nonnegative().default(0),
  timeout: duration.optional(),
});

type Raw = z.infer<typeof schema>;

export const incidentioKind = httpKind({
  name: "incidentio",
  schema,
  read(raw, reading, own) {
    const url = neededUrl(reading, raw, "url");
    const client = readClient(raw, reading, own);
    return async (notification, ports, signal) => {
      const by = { receiver: reading.receiver, externalUrl: ports.externalUrl };
      const text = fittingJson(notification, by, raw.max_alerts);
      return answerOf(await sendText(ports, { url, client }, { type: JSON_TYPE, text }, signal));
    };
  },
});

/** With fewer alerts where they would be too long together. */
function fittingJson(
  notification: Notification,
  by: Parameters<typeof messageJson>[1],
  alertsMax: number,
): string {
  const text = messageJson(notification, by, alertsMax);
  const { length } = notification.alerts;
  const shown = alertsMax === 0 ? length : Math.min(alertsMax, length);
  if (Buffer.byteLength(text) <= MESSAGE_BYTES_MAX || shown <= 1) return text;
  return fittingJson(notification, by, Math.floor(shown / 2));
}

function readClient(raw: Raw, reading: Reading, own: HttpClientOptions): HttpClientOptions {
  const token = secretOf(reading, raw, "alert_source_token");
  if (token === "" && own.authorization === null) {
    reading.report(
      "at least one of alert_source_token, alert_source_token_file or http_config.authorization " +
        "must be configured",
    );
  }
  if (token === "") return own;
  if (raw.http_config?.authorization !== undefined) {
    reading.report("alert_source_token does not go with http_config.authorization");
  }
  return withBearer(own, token, "alert_source_token", reading);
}
