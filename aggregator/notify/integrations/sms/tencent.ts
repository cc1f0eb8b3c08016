/** SendSms of Tencent Cloud, signed by TC3-HMAC-SHA256. */

import { z } from "zod";
import { formatRfc3339 } from "../../../../shared/model/rfc3339.ts";
import type { HttpAnswer, HttpClientOptions } from "../../../../shared/platform/http-client.ts";
import { checkedUrl } from "../../config/read-secret.ts";
import { neededSecret, secretFields } from "../entry-fields.ts";
import { sendText, withAuthorization } from "../http-send.ts";
import type { Reading, SendAnswer, Sender } from "../integration.ts";
import { readTexts } from "../message-texts.ts";
import {
  answerRecord,
  delivered,
  limitedAnswer,
  recordOf,
  shownAnswer,
  unclearAnswer,
} from "../send-answer.ts";
import { hmacSha256, sha256 } from "../signature.ts";
import { Recipients, type Sent, shortText, smsFields, TEXT_DEFAULT } from "./recipients.ts";

const SERVICE = "sms";
const ACTION = "SendSms";
const VERSION = "2021-01-11";
const CONTENT_TYPE = "application/json; charset=utf-8";
const SIGNED = "content-type;host;x-tc-action";

export const tencentSchema = z.strictObject({
  provider: z.literal("tencent"),
  ...smsFields,
  api_url: z.string().default("https://sms.tencentcloudapi.com"),
  region: z.string().min(1).default("ap-guangzhou"),
  secret_id: z.string().min(1),
  ...secretFields("secret_key"),
  sdk_app_id: z.string().min(1),
  sign_name: z.string().min(1),
  template_id: z.string().min(1),
  template_params: z.array(z.string()).max(20).default([TEXT_DEFAULT]),
});

type Raw = z.infer<typeof tencentSchema>;

export function readTencent(raw: Raw, reading: Reading, client: HttpClientOptions): Sender["send"] {
  const secret = neededSecret(reading, raw, "secret_key");
  const url = checkedUrl(reading, raw.api_url, "api_url");
  const expand = readTexts(reading, raw.template_params, ["template_params"]);
  const recipients = new Recipients(raw.to);
  return (notification, ports, signal) =>
    recipients.send(notification, async function* (numbers) {
      const body = JSON.stringify({
        PhoneNumberSet: numbers,
        SmsSdkAppId: raw.sdk_app_id,
        SignName: raw.sign_name,
        TemplateId: raw.template_id,
        TemplateParamSet: expand(notification, ports).map(shortText),
      });
      const timestamp = Math.floor(ports.clock.nowMs() / 1000);
      const call = { host: new URL(url).host, service: SERVICE, action: ACTION, timestamp, body };
      const headers = {
        "x-tc-action": ACTION,
        "x-tc-version": VERSION,
        "x-tc-region": raw.region,
        "x-tc-timestamp": String(timestamp),
      };
      const authorization = authorizationOf(call, { id: raw.secret_id, secret });
      const target = { url, headers, client: withAuthorization(client, authorization) };
      const content = { type: CONTENT_TYPE, text: body };
      yield* sentOf(await sendText(ports, target, content, signal), numbers);
    });
}

export type Call = {
  readonly host: string;
  readonly service: string;
  readonly action: string;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly body: string;
};

export function authorizationOf(
  { host, service, action, timestamp, body }: Call,
  { id, secret }: { readonly id: string; readonly secret: string },
): string {
  const lines = [`content-type:${CONTENT_TYPE}`, `host:${host}`];
  const headers = [...lines, `x-tc-action:${action.toLowerCase()}`, ""];
  const canonical = ["POST", "/", "", ...headers, SIGNED, sha256(body)].join("\n");
  const date = formatRfc3339(timestamp * 1000).slice(0, 10);
  const scope = `${date}/${service}/tc3_request`;
  const text = ["TC3-HMAC-SHA256", timestamp, scope, sha256(canonical)].join("\n");
  const dayKey = hmacSha256(`TC3${secret}`, date);
  const key = hmacSha256(hmacSha256(dayKey, service), "tc3_request");
  const signature = hmacSha256(key, text).toString("hex");
  return `TC3-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${SIGNED}, Signature=${signature}`;
}

/** Each number has a status of its own, unless the whole call failed. */
function sentOf(answer: HttpAnswer, numbers: readonly string[]): readonly Sent[] {
  const { Error: error, SendStatusSet: set } = recordOf(answerRecord(answer.text)["Response"]);
  const statuses = error === undefined && Array.isArray(set) ? set : numbers.map(() => error);
  return numbers.map((number, i) => ({ number, answer: statusAnswer(statuses[i], answer) }));
}

function statusAnswer(status: unknown, answer: HttpAnswer): SendAnswer {
  const { Code: code, Message: message } = recordOf(status);
  if (typeof code !== "string") return unclearAnswer(answer);
  if (code === "Ok") return delivered("Ok");
  const text = shownAnswer(`${code}: ${message}`);
  if (/^(LimitExceeded|RequestLimitExceeded)/.test(code)) return limitedAnswer(text);
  const isFinal = /^(InvalidParameter|FailedOperation\.ContainSensitiveWord)/.test(code);
  return { outcome: isFinal ? "rejected" : "retry", text, retryAfterMs: null };
}
