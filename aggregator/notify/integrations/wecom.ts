/** A robot of a WeCom group. Applications of WeCom are in wechat.ts. */

import { z } from "zod";
import { checkedUrl } from "../config/read-secret.ts";
import { cutBytes } from "./cut-text.ts";
import { secretFields, secretOf, templated } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson, withQuery } from "./http-send.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import { answerRecord, codeAnswer } from "./send-answer.ts";

const URL_DEFAULT = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send";
const BYTES_MAX = { markdown: 4096, text: 2048 };
const MENTIONS_MAX = 100;
/** Empty, too long, or not what the service takes. */
const CODES = { rejected: [40_058, 44_004, 45_002], limited: [45_009] };

const mentions = z.array(z.string()).max(MENTIONS_MAX).default([]);
const schema = z.strictObject({
  ...httpFields,
  ...secretFields("url"),
  ...secretFields("key"),
  message_type: z.enum(["markdown", "text"]).default("markdown"),
  text: templated("wecom.default.text"),
  mentioned_list: mentions,
  mentioned_mobile_list: mentions,
});

type Raw = z.infer<typeof schema>;

export const wecomKind = httpKind({
  name: "wecom",
  schema,
  perMinuteMax: 20,
  read(raw, reading, client) {
    const own = secretOf(reading, raw, "url");
    const key = secretOf(reading, raw, "key");
    if (own === "" && key === "") reading.report("one of key or key_file must be configured");
    const hasMentions = raw.mentioned_list.length + raw.mentioned_mobile_list.length > 0;
    if (hasMentions && raw.message_type !== "text") {
      reading.report("mentioned_list and mentioned_mobile_list need message_type: text");
    }
    const base = checkedUrl(reading, own || URL_DEFAULT, "url");
    const expand = readTexts(reading, raw.text, ["text"]);
    return async (notification, ports, signal) => {
      const body = bodyOf(raw, expand(withoutMarkup(notification), ports));
      const url = key === "" ? base : withQuery(base, { key });
      const answer = await sendJson(ports, { url, client }, body, signal);
      const { errcode: code, errmsg: message } = answerRecord(answer.text);
      return codeAnswer(answer, { code, message }, CODES);
    };
  },
});

function bodyOf({ message_type, mentioned_list, mentioned_mobile_list }: Raw, text: string) {
  const content = cutBytes(text, BYTES_MAX[message_type]);
  if (message_type === "markdown") return { msgtype: "markdown", markdown: { content } };
  return { msgtype: "text", text: { content, mentioned_list, mentioned_mobile_list } };
}
