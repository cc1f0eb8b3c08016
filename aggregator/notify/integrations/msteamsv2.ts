/** A workflow of Microsoft Teams (Power Automate): an Adaptive Card. */

import { z } from "zod";
import { readHttpConfig } from "../config/http-config.ts";
import { isFiring } from "../message-parts.ts";
import { answerOf, cutText, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const TITLE_MAX = 512;
/** The service takes messages of 28 KB; the rest is for the card around the text. */
const TEXT_BYTES_MAX = 22_000;

const schema = z.strictObject({
  ...parts.sendFields,
  webhook_url: parts.text,
  webhook_url_file: parts.file,
  title: z.string().default('{{ template "msteamsv2.default.title" . }}'),
  text: z.string().default('{{ template "msteamsv2.default.text" . }}'),
});

type Raw = z.infer<typeof schema>;

export const msteamsv2Kind: IntegrationKind<Raw> = {
  name: "msteamsv2",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    const url = parts.readNeededUrl(reading, raw, "webhook_url");
    const expand = readTexts(reading, { title: raw.title, text: raw.text });
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      async send(notification, ports, signal) {
        const content = cardOf(expand(withoutMarkup(notification), ports), isFiring(notification));
        const contentType = "application/vnd.microsoft.card.adaptive";
        const body = {
          type: "message",
          attachments: [{ contentType, contentUrl: null, content }],
        };
        return answerOf(await sendJson(ports, { url, client }, body, signal));
      },
    };
  },
};

function cardOf(
  { title, text }: { readonly title: string; readonly text: string },
  fires: boolean,
) {
  const heading = { weight: "Bolder", size: "Medium", color: fires ? "Attention" : "Good" };
  return {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    body: [
      { type: "TextBlock", text: cutText(title, TITLE_MAX), ...heading, wrap: true },
      { type: "TextBlock", text: parts.cutJson(text, TEXT_BYTES_MAX), wrap: true },
    ],
    msteams: { width: "full" },
  };
}
