/** A robot of a Feishu or Lark group: its custom-bot webhook. */

import { z } from "zod";
import { isFiring } from "../message-parts.ts";
import { cutJson, cutText } from "./cut-text.ts";
import { neededUrl, secretFields, secretOf, templated } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson } from "./http-send.ts";
import { readFields, withoutMarkup } from "./message-texts.ts";
import { answerRecord, codeAnswer } from "./send-answer.ts";
import { hmacSha256 } from "./signature.ts";

const TITLE_MAX = 256;
/** The service takes requests of 20 kB; the rest is for the card around the text. */
const TEXT_BYTES_MAX = 18_000;
const CODES = { rejected: [9499], limited: [11_232] };

const texts = { title: templated("feishu.default.title"), text: templated("feishu.default.text") };
const schema = z.strictObject({
  ...httpFields,
  ...secretFields("url"),
  ...secretFields("secret"),
  message_type: z.enum(["interactive", "text"]).default("interactive"),
  ...texts,
});

export const feishuKind = httpKind({
  name: "feishu",
  schema,
  perMinuteMax: 100,
  read(raw, reading, client) {
    const url = neededUrl(reading, raw, "url");
    const secret = secretOf(reading, raw, "secret");
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const expanded = expand(withoutMarkup(notification), ports);
      const title = cutText(expanded.title, TITLE_MAX);
      const text = cutJson(expanded.text, TEXT_BYTES_MAX);
      const body = {
        ...(secret === "" ? {} : signature(secret, ports.clock.nowMs())),
        ...(raw.message_type === "text"
          ? { msg_type: "text", content: { text: `${title}\n${text}` } }
          : { msg_type: "interactive", card: cardOf({ title, text }, isFiring(notification)) }),
      };
      const answer = await sendJson(ports, { url, client }, body, signal);
      const said = answerRecord(answer.text);
      const code = said["code"] ?? said["StatusCode"];
      return codeAnswer(answer, { code, message: said["msg"] }, CODES);
    };
  },
});

/** The time in seconds; the HMAC has it in its key and is of nothing. */
function signature(secret: string, nowMs: number) {
  const timestamp = String(Math.floor(nowMs / 1000));
  return { timestamp, sign: hmacSha256(`${timestamp}\n${secret}`, "").toString("base64") };
}

function cardOf(
  { title, text }: { readonly title: string; readonly text: string },
  fires: boolean,
) {
  return {
    config: { wide_screen_mode: true },
    header: {
      template: fires ? "red" : "green",
      title: { tag: "plain_text", content: title },
    },
    elements: [{ tag: "markdown", content: text }],
  };
}
