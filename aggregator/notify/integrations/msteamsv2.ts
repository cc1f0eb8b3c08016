/** A workflow of Microsoft Teams (Power Automate): an Adaptive Card. */

import { z } from "zod";
import { isFiring } from "../message-parts.ts";
import { cutJson, cutText } from "./cut-text.ts";
import { neededUrl, secretFields, templated } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson } from "./http-send.ts";
import { readFields, withoutMarkup } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

const TITLE_MAX = 512;
/** The service takes messages of 28 KB; the rest is for the card around the text. */
const TEXT_BYTES_MAX = 22_000;

const texts = {
  title: templated("msteamsv2.default.title"),
  text: templated("msteamsv2.default.text"),
};
const schema = z.strictObject({ ...httpFields, ...secretFields("webhook_url"), ...texts });

export const msteamsv2Kind = httpKind({
  name: "msteamsv2",
  schema,
  read(raw, reading, client) {
    const url = neededUrl(reading, raw, "webhook_url");
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const content = cardOf(expand(withoutMarkup(notification), ports), isFiring(notification));
      const contentType = "application/vnd.microsoft.card.adaptive";
      const body = { type: "message", attachments: [{ contentType, contentUrl: null, content }] };
      return answerOf(await sendJson(ports, { url, client }, body, signal));
    };
  },
});

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
      { type: "TextBlock", text: cutJson(text, TEXT_BYTES_MAX), wrap: true },
    ],
    msteams: { width: "full" },
  };
}
