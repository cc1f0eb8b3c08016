/** A connector of a Microsoft Teams channel: a MessageCard. Its successor is msteamsv2.ts. */

import { z } from "zod";
import type { HttpAnswer } from "../../../shared/platform/http-client.ts";
import { isFiring } from "../message-parts.ts";
import { cutJson, cutText } from "./cut-text.ts";
import { neededUrl, secretFields, templated } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson } from "./http-send.ts";
import type { SendAnswer } from "./integration.ts";
import { readFields, withoutMarkup } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

const TITLE_MAX = 512;
/** The service takes messages of 28 KB; the rest is for the card around the text. */
const TEXT_BYTES_MAX = 22_000;
const RED = "D92D20";
const GREEN = "2E9E5B";

const texts = {
  title: templated("msteams.default.title"),
  summary: templated("msteams.default.summary"),
  text: templated("msteams.default.text"),
};
const schema = z.strictObject({ ...httpFields, ...secretFields("webhook_url"), ...texts });

export const msteamsKind = httpKind({
  name: "msteams",
  schema,
  read(raw, reading, client) {
    const url = neededUrl(reading, raw, "webhook_url");
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const { title, summary, text } = expand(withoutMarkup(notification), ports);
      const body = {
        "@context": "http://schema.org/extensions",
        "@type": "MessageCard",
        title: cutText(title, TITLE_MAX),
        summary: cutText(summary, TITLE_MAX),
        text: cutJson(text, TEXT_BYTES_MAX),
        themeColor: isFiring(notification) ? RED : GREEN,
      };
      return connectorAnswer(await sendJson(ports, { url, client }, body, signal));
    };
  },
});

/** A connector answers 200 also when Teams behind it did not, and says so in words. */
function connectorAnswer(answer: HttpAnswer): SendAnswer {
  const [, status] = /returned HTTP error (\d{3})/.exec(answer.text) ?? [];
  return answerOf(status === undefined ? answer : { ...answer, status: Number(status) });
}
