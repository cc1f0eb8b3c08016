/** SendSms of Aliyun's short message service, signed as its RPC interface wants it (version 1.0). */

import { createHmac, randomUUID } from "node:crypto";
import { z } from "zod";
import { formatRfc3339 } from "../../../../shared/model/rfc3339.ts";
import type { HttpAnswer, HttpClientOptions } from "../../../../shared/platform/http-client.ts";
import { checkedUrl } from "../../config/read-secret.ts";
import { neededSecret, secretFields } from "../entry-fields.ts";
import { FORM_TYPE, sendText } from "../http-send.ts";
import type { Reading, SendAnswer, Sender } from "../integration.ts";
import { readTexts } from "../message-texts.ts";
import {
  answerRecord,
  delivered,
  limitedAnswer,
  shownAnswer,
  unclearAnswer,
} from "../send-answer.ts";
import { percentEncoded } from "../signature.ts";
import { Recipients, shortText, smsFields, TEXT_DEFAULT } from "./recipients.ts";

export const aliyunSchema = z.strictObject({
  provider: z.literal("aliyun"),
  ...smsFields,
  api_url: z.string().default("https://dysmsapi.aliyuncs.com"),
  access_key_id: z.string().min(1),
  ...secretFields("access_key_secret"),
  sign_name: z.string().min(1),
  template_code: z.string().min(1),
  template_params: z.record(z.string(), z.string()).default({ text: TEXT_DEFAULT }),
});

type Raw = z.infer<typeof aliyunSchema>;

/** The text or a number is bad. */
const REJECTED: ReadonlySet<unknown> = new Set([
  "isv.BLACK_KEY_CONTROL_LIMIT",
  "isv.INVALID_JSON_PARAM",
  "isv.INVALID_PARAMETERS",
  "isv.MOBILE_COUNT_OVER_LIMIT",
  "isv.MOBILE_NUMBER_ILLEGAL",
  "isv.PARAM_LENGTH_LIMIT",
  "isv.PARAM_NOT_SUPPORT_URL",
  "isv.TEMPLATE_PARAMS_ILLEGAL",
]);
const LIMITED: ReadonlySet<unknown> = new Set(["isv.BUSINESS_LIMIT_CONTROL", "Throttling.User"]);

export function readAliyun(raw: Raw, reading: Reading, client: HttpClientOptions): Sender["send"] {
  const secret = neededSecret(reading, raw, "access_key_secret");
  const url = checkedUrl(reading, raw.api_url, "api_url");
  const expand = readTexts(reading, raw.template_params, ["template_params"]);
  const recipients = new Recipients(raw.to);
  return (notification, ports, signal) =>
    recipients.send(notification, async function* (numbers) {
      const expanded = Object.entries(expand(notification, ports));
      const params = expanded.map(([name, value]) => [name, shortText(value)]);
      const fields = {
        AccessKeyId: raw.access_key_id,
        Action: "SendSms",
        Format: "JSON",
        PhoneNumbers: numbers.join(","),
        SignName: raw.sign_name,
        TemplateCode: raw.template_code,
        TemplateParam: JSON.stringify(Object.fromEntries(params)),
        Version: "2017-05-25",
      };
      const signing = { secret, nowMs: ports.clock.nowMs(), nonce: randomUUID() };
      const form = { type: FORM_TYPE, text: signedForm(fields, signing) };
      const answer = serviceAnswer(await sendText(ports, { url, client }, form, signal));
      yield* numbers.map((number) => ({ number, answer }));
    });
}

type Signing = { readonly secret: string; readonly nowMs: number; readonly nonce: string };

/** The fields as a form, with what the signature needs and the signature. */
export function signedForm(
  fields: Readonly<Record<string, string>>,
  { secret, nowMs, nonce }: Signing,
): string {
  const all = new Map(Object.entries(fields))
    .set("SignatureMethod", "HMAC-SHA1")
    .set("SignatureNonce", nonce)
    .set("SignatureVersion", "1.0")
    .set("Timestamp", `${formatRfc3339(nowMs).slice(0, 19)}Z`);
  const names = [...all.keys()].sort();
  const query = names
    .map((name) => `${percentEncoded(name)}=${percentEncoded(all.get(name) ?? "")}`)
    .join("&");
  const hmac = createHmac("sha1", `${secret}&`).update(`POST&%2F&${percentEncoded(query)}`);
  return `${query}&Signature=${percentEncoded(hmac.digest("base64"))}`;
}

function serviceAnswer(answer: HttpAnswer): SendAnswer {
  const { Code: code, Message: message } = answerRecord(answer.text);
  if (typeof code !== "string") return unclearAnswer(answer);
  if (code === "OK") return delivered("OK");
  const text = shownAnswer(typeof message === "string" ? `${code}: ${message}` : code);
  if (LIMITED.has(code)) return limitedAnswer(text);
  const outcome = REJECTED.has(code) ? "rejected" : "retry";
  return { outcome, text, retryAfterMs: answer.retryAfterMs };
}
