/** A robot of a Feishu or Lark group: its custom-bot webhook. */

import { createHmac } from "node:crypto";
import { z } from "zod";
import { readHttpConfig } from "../config/http-config.ts";
import { readSecret } from "../config/read-secret.ts";
import { isFiring } from "../message-parts.ts";
import { answerRecord, cutText, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const TITLE_MAX = 256;
/** The service takes requests of 20 kB; the rest is for the card around the text. */
const TEXT_BYTES_MAX = 18_000;
const PER_MINUTE_MAX = 100;
const CODES = { rejected: [9499], limited: [11_232] };

const schema = z.strictObject({
  ...parts.sendFields,
  url: parts.text,
  url_file: parts.file,
  secret: parts.text,
  secret_file: parts.file,
  message_type: z.enum(["interactive", "text"]).default("interactive"),
  title: z.string().default('{{ template "feishu.default.title" . }}'),
  text: z.string().default('{{ template "feishu.default.text" . }}'),
});

type Raw = z.infer<typeof schema>;

export const feishuKind: IntegrationKind<Raw> = {
  name: "feishu",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    const url = parts.readNeededUrl(reading, raw, "url");
    const secret = readSecret(reading, raw.secret, raw.secret_file, "secret");
    const expand = readTexts(reading, { title: raw.title, text: raw.text });
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: PER_MINUTE_MAX,
      async send(notification, ports, signal) {
        const { title, text } = expand(withoutMarkup(notification), ports);
        const message = {
          title: cutText(title, TITLE_MAX),
          text: parts.cutJson(text, TEXT_BYTES_MAX),
        };
        const body = {
          ...(secret === "" ? {} : signature(secret, ports.nowMs())),
          ...(raw.message_type === "text"
            ? { msg_type: "text", content: { text: `${message.title}\n${message.text}` } }
            : { msg_type: "interactive", card: cardOf(message, isFiring(notification)) }),
        };
        const answer = await sendJson(ports, { url, client }, body, signal);
        const said = answerRecord(answer.text);
        const code = said["code"] ?? said["StatusCode"];
        return parts.codeAnswer(answer, { code, message: said["msg"] }, CODES);
      },
    };
  },
};

/** The time in seconds; the HMAC has it in its key and is of nothing. */
function signature(secret: string, nowMs: number) {
  const timestamp = String(Math.floor(nowMs / 1000));
  return { timestamp, sign: createHmac("sha256", `${timestamp}\n${secret}`).digest("base64") };
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
