/** A robot of a DingTalk group: its custom-robot webhook. */

import { z } from "zod";
import { checkedUrl } from "../config/read-secret.ts";
import { cutJson, cutText } from "./cut-text.ts";
import { secretFields, secretOf, templated } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson, withQuery } from "./http-send.ts";
import { readFields, withoutMarkup } from "./message-texts.ts";
import { answerRecord, codeAnswer } from "./send-answer.ts";
import { hmacSha256 } from "./signature.ts";

const URL_DEFAULT = "https://oapi.dingtalk.com/robot/send";
const TITLE_MAX = 256;
/** The service takes 20,000 bytes of a message; the rest is for the title. */
const TEXT_BYTES_MAX = 18_000;
const MENTIONS_MAX = 100;
/** So that at least half of the text is left. */
const MENTIONS_BYTES_MAX = 9000;
/** Too long; links, words or pictures that the service does not let through. */
const CODES = {
  rejected: [460_101, 430_101, 430_102, 430_103, 430_104],
  limited: [130_101, 410_100],
};

const texts = {
  title: templated("dingtalk.default.title"),
  text: templated("dingtalk.default.text"),
};
const mentions = z.array(z.string()).max(MENTIONS_MAX).default([]);
const schema = z.strictObject({
  ...httpFields,
  ...secretFields("url"),
  ...secretFields("access_token"),
  ...secretFields("secret"),
  message_type: z.enum(["markdown", "text"]).default("markdown"),
  ...texts,
  at_mobiles: mentions,
  at_user_ids: mentions,
  at_all: z.boolean().default(false),
});

type Raw = z.infer<typeof schema>;

export const dingtalkKind = httpKind({
  name: "dingtalk",
  schema,
  perMinuteMax: 20,
  read(raw, reading, client) {
    const own = secretOf(reading, raw, "url");
    const token = secretOf(reading, raw, "access_token");
    const secret = secretOf(reading, raw, "secret");
    if (own === "" && token === "") {
      reading.report("one of access_token or access_token_file must be configured");
    }
    if (mentionBytes(raw) > MENTIONS_BYTES_MAX) {
      reading.report("at_mobiles and at_user_ids are too long for a message");
    }
    const base = checkedUrl(reading, own || URL_DEFAULT, "url");
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const url = signedUrl(base, { token, secret, nowMs: ports.clock.nowMs() });
      const body = bodyOf(raw, expand(withoutMarkup(notification), ports));
      const answer = await sendJson(ports, { url, client }, body, signal);
      const { errcode: code, errmsg: message } = answerRecord(answer.text);
      return codeAnswer(answer, { code, message }, CODES);
    };
  },
});

type Signing = { readonly token: string; readonly secret: string; readonly nowMs: number };

/** The time and its HMAC go into the query; without a secret the robot asks for none. */
function signedUrl(base: string, { token, secret, nowMs }: Signing): string {
  const url = token === "" ? base : withQuery(base, { access_token: token });
  if (secret === "") return url;
  const sign = hmacSha256(secret, `${nowMs}\n${secret}`).toString("base64");
  return withQuery(url, { timestamp: String(nowMs), sign });
}

/** They stand in the text and in `at`. */
function mentionBytes({ at_mobiles, at_user_ids }: Raw): number {
  return 2 * Buffer.byteLength(JSON.stringify([at_mobiles, at_user_ids]));
}

/** Who is mentioned is said in `at` alone: an @ of a label's value mentions nobody. */
function bodyOf(raw: Raw, { title, text }: Pick<Raw, "title" | "text">) {
  const at = { atMobiles: raw.at_mobiles, atUserIds: raw.at_user_ids, isAtAll: raw.at_all };
  const cut = cutJson(text, TEXT_BYTES_MAX - mentionBytes(raw));
  if (raw.message_type === "text") return { msgtype: "text", text: { content: cut }, at };
  // In Markdown a mention is shown only where the text has it, too.
  const mentioned = [...raw.at_mobiles, ...raw.at_user_ids].map((one) => `@${one}`).join(" ");
  const markdown = {
    title: cutText(title, TITLE_MAX),
    text: mentioned === "" ? cut : `${cut}\n\n${mentioned}`,
  };
  return { msgtype: "markdown", markdown, at };
}
