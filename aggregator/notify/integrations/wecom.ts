/** A robot of a WeCom group. Applications of WeCom are in wechat.ts. */

import { z } from "zod";
import { readHttpConfig } from "../config/http-config.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import { answerRecord, cutBytes, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const URL_DEFAULT = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send";
const BYTES_MAX = { markdown: 4096, text: 2048 };
const PER_MINUTE_MAX = 20;
/** Empty, too long, or not what the service takes. */
const CODES = { rejected: [40_058, 44_004, 45_002], limited: [45_009] };

const schema = z.strictObject({
  ...parts.sendFields,
  url: parts.text,
  url_file: parts.file,
  key: parts.text,
  key_file: parts.file,
  message_type: z.enum(["markdown", "text"]).default("markdown"),
  text: z.string().default('{{ template "wecom.default.text" . }}'),
  mentioned_list: z.array(z.string()).max(100).default([]),
  mentioned_mobile_list: z.array(z.string()).max(100).default([]),
});

type Raw = z.infer<typeof schema>;

export const wecomKind: IntegrationKind<Raw> = {
  name: "wecom",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    const own = readSecret(reading, raw.url, raw.url_file, "url");
    const key = readSecret(reading, raw.key, raw.key_file, "key");
    if (own === "" && key === "") reading.report("one of key or key_file must be configured");
    const hasMentions = raw.mentioned_list.length + raw.mentioned_mobile_list.length > 0;
    if (hasMentions && raw.message_type !== "text") {
      reading.report("mentioned_list and mentioned_mobile_list need message_type: text");
    }
    const url = withKey(checkedUrl(reading, own || URL_DEFAULT, "url"), key);
    const expand = readTexts(reading, { text: raw.text });
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: PER_MINUTE_MAX,
      async send(notification, ports, signal) {
        const { text } = expand(withoutMarkup(notification), ports);
        const answer = await sendJson(ports, { url, client }, bodyOf(raw, text), signal);
        const { errcode: code, errmsg: message } = answerRecord(answer.text);
        return parts.codeAnswer(answer, { code, message }, CODES);
      },
    };
  },
};

function withKey(base: string, key: string): string {
  if (key === "" || !URL.canParse(base)) return base;
  const url = new URL(base);
  url.searchParams.set("key", key);
  return url.href;
}

function bodyOf(raw: Raw, text: string) {
  if (raw.message_type === "text") {
    const { mentioned_list, mentioned_mobile_list } = raw;
    const content = cutBytes(text, BYTES_MAX.text);
    return { msgtype: "text", text: { content, mentioned_list, mentioned_mobile_list } };
  }
  return { msgtype: "markdown", markdown: { content: cutBytes(text, BYTES_MAX.markdown) } };
}
