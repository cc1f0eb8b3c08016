/** A robot of a DingTalk group: its custom-robot webhook. */

import { createHmac } from "node:crypto";
import { z } from "zod";
import { readHttpConfig } from "../config/http-config.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import { answerRecord, cutText, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const URL_DEFAULT = "https://oapi.dingtalk.com/robot/send";
const TITLE_MAX = 256;
/** The service takes 20,000 bytes of a message; the rest is for the title and mentions. */
const TEXT_BYTES_MAX = 18_000;
const PER_MINUTE_MAX = 20;
/** Too long; links, words or pictures that the service does not let through. */
const CODES = {
  rejected: [460_101, 430_101, 430_102, 430_103, 430_104],
  limited: [130_101, 410_100],
};

const schema = z.strictObject({
  ...parts.sendFields,
  url: parts.text,
  url_file: parts.file,
  access_token: parts.text,
  access_token_file: parts.file,
  secret: parts.text,
  secret_file: parts.file,
  message_type: z.enum(["markdown", "text"]).default("markdown"),
  title: z.string().default('{{ template "dingtalk.default.title" . }}'),
  text: z.string().default('{{ template "dingtalk.default.text" . }}'),
  at_mobiles: z.array(z.string()).max(100).default([]),
  at_user_ids: z.array(z.string()).max(100).default([]),
  at_all: z.boolean().default(false),
});

type Raw = z.infer<typeof schema>;

export const dingtalkKind: IntegrationKind<Raw> = {
  name: "dingtalk",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    const own = readSecret(reading, raw.url, raw.url_file, "url");
    const token = readSecret(reading, raw.access_token, raw.access_token_file, "access_token");
    const secret = readSecret(reading, raw.secret, raw.secret_file, "secret");
    if (own === "" && token === "") {
      reading.report("one of access_token or access_token_file must be configured");
    }
    const base = checkedUrl(reading, own || URL_DEFAULT, "url");
    const expand = readTexts(reading, { title: raw.title, text: raw.text });
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: PER_MINUTE_MAX,
      async send(notification, ports, signal) {
        const url = signedUrl(base, { token, secret, nowMs: ports.nowMs() });
        const body = bodyOf(raw, expand(withoutMarkup(notification), ports));
        const answer = await sendJson(ports, { url, client }, body, signal);
        const { errcode: code, errmsg: message } = answerRecord(answer.text);
        return parts.codeAnswer(answer, { code, message }, CODES);
      },
    };
  },
};

type Signing = { readonly token: string; readonly secret: string; readonly nowMs: number };

/** The time and its HMAC go into the query; without a secret the robot asks for none. */
function signedUrl(base: string, { token, secret, nowMs }: Signing): string {
  const url = new URL(base);
  if (token !== "") url.searchParams.set("access_token", token);
  if (secret !== "") {
    const sign = createHmac("sha256", secret).update(`${nowMs}\n${secret}`).digest("base64");
    url.searchParams.set("timestamp", String(nowMs));
    url.searchParams.set("sign", sign);
  }
  return url.href;
}

/** Who is mentioned is said in `at` alone: an @ of a label's value mentions nobody. */
function bodyOf(raw: Raw, { title, text }: { readonly title: string; readonly text: string }) {
  const at = { atMobiles: raw.at_mobiles, atUserIds: raw.at_user_ids, isAtAll: raw.at_all };
  const cut = parts.cutJson(text, TEXT_BYTES_MAX);
  if (raw.message_type === "text") return { msgtype: "text", text: { content: cut }, at };
  // In Markdown a mention is shown only where the text has it, too.
  const mentions = [...raw.at_mobiles, ...raw.at_user_ids].map((one) => `@${one}`).join(" ");
  const markdown = {
    title: cutText(title, TITLE_MAX),
    text: mentions === "" ? cut : `${cut}\n\n${mentions}`,
  };
  return { msgtype: "markdown", markdown, at };
}
