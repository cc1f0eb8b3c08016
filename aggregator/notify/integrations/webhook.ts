/** Alertmanager's webhook: its message of version "4" as JSON, or a payload of the user's own form. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { checkedUrl, isHttpUrl, readSecret } from "../config/read-secret.ts";
import { messageJson } from "../message-parts.ts";
import { secretFields } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { JSON_TYPE, sendText } from "./http-send.ts";
import type { Reading } from "./integration.ts";
import { readTexts, readValues, type Texts } from "./message-texts.ts";
import { answerOf, rejected } from "./send-answer.ts";

const schema = z.strictObject({
  ...httpFields,
  ...secretFields("url"),
  max_alerts: z.number().int().nonnegative().default(0),
  timeout: duration.optional(),
  payload: z.unknown().optional(),
});

type Raw = z.infer<typeof schema>;

export const webhookKind = httpKind({
  name: "webhook",
  schema,
  read(raw, reading, client) {
    const text = readUrl(raw, reading);
    const isTemplate = text.includes("{{");
    const urlOf = readTexts(reading, text, ["url"]);
    const bodyOf = readBody(raw, reading);
    return async (notification, ports, signal) => {
      const url = urlOf(notification, ports);
      if (isTemplate && !isHttpUrl(url)) {
        return rejected("the template of the url gives no http or https URL");
      }
      const content = { type: JSON_TYPE, text: bodyOf(notification, ports) };
      return answerOf(await sendText(ports, { url, client }, content, signal));
    };
  },
});

function readBody({ payload, max_alerts }: Raw, reading: Reading): Texts<string> {
  const { receiver } = reading;
  if (payload === undefined) {
    return (notification, { externalUrl }) =>
      messageJson(notification, { receiver, externalUrl }, max_alerts);
  }
  const expand = readValues(reading, payload, ["payload"]);
  return (notification, ports) => JSON.stringify(expand(notification, ports));
}

function readUrl({ url, url_file: path }: Raw, reading: Reading): string {
  if ((url === undefined) === (path === undefined)) {
    reading.report("one of url and url_file must be configured");
    return "";
  }
  const text = readSecret(reading, url, path, "url");
  // Whether a template gives a URL shows when it is expanded.
  if (text.includes("{{")) return text;
  return checkedUrl(reading, text, path === undefined ? "url" : "url_file");
}
