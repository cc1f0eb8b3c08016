/** A connector of a Microsoft Teams channel: a MessageCard. Its successor is msteamsv2.ts. */

import { z } from "zod";
import type { HttpAnswer } from "../../../shared/platform/http-client.ts";
import { readHttpConfig } from "../config/http-config.ts";
import { isFiring } from "../message-parts.ts";
import { answerOf, cutText, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind, SendAnswer } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const TITLE_MAX = 512;
/** The service takes messages of 28 KB; the rest is for the card around the text. */
const TEXT_BYTES_MAX = 22_000;
const RED = "D92D20";
const GREEN = "2E9E5B";

const schema = z.strictObject({
  ...parts.sendFields,
  webhook_url: parts.text,
  webhook_url_file: parts.file,
  title: z.string().default('{{ template "msteams.default.title" . }}'),
  summary: z.string().default('{{ template "msteams.default.summary" . }}'),
  text: z.string().default('{{ template "msteams.default.text" . }}'),
});

type Raw = z.infer<typeof schema>;

export const msteamsKind: IntegrationKind<Raw> = {
  name: "msteams",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    const url = parts.readNeededUrl(reading, raw, "webhook_url");
    const { title, summary, text } = raw;
    const expand = readTexts(reading, { title, summary, text });
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      async send(notification, ports, signal) {
        const expanded = expand(withoutMarkup(notification), ports);
        const body = {
          "@context": "http://schema.org/extensions",
          "@type": "MessageCard",
          title: cutText(expanded.title, TITLE_MAX),
          summary: cutText(expanded.summary, TITLE_MAX),
          text: parts.cutJson(expanded.text, TEXT_BYTES_MAX),
          themeColor: isFiring(notification) ? RED : GREEN,
        };
        return connectorAnswer(await sendJson(ports, { url, client }, body, signal));
      },
    };
  },
};

/** A connector answers 200 also when Teams behind it did not, and says so in words. */
function connectorAnswer(answer: HttpAnswer): SendAnswer {
  const [, status] = /returned HTTP error (\d{3})/.exec(answer.text) ?? [];
  return answerOf(status === undefined ? answer : { ...answer, status: Number(status) });
}
