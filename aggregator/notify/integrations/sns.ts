/** Amazon SNS: Publish of its query API. */

import { z } from "zod";
import type { Notification } from "../../model/notification.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { isHttpUrl } from "../config/read-secret.ts";
import { groupHash } from "../message-parts.ts";
import { type AwsKeys, awsSignature } from "./aws-signature.ts";
import { answerOf, cutBytes, cutText, SEND_TIMEOUT_MS } from "./http-send.ts";
import type { IntegrationKind, Reading, SendAnswer } from "./integration.ts";
import { readTexts } from "./message-texts.ts";

const text = z.string().default("");

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  api_url: text,
  sigv4: z
    .strictObject({
      region: text,
      access_key: text,
      secret_key: text,
      profile: text,
      role_arn: text,
      filename: text,
    })
    .optional(),
  topic_arn: text,
  phone_number: text,
  target_arn: text,
  subject: z.string().default('{{ template "sns.default.subject" . }}'),
  message: z.string().default('{{ template "sns.default.message" . }}'),
  attributes: z.record(z.string(), z.string()).default({}),
  /** Taken and without effect: there is one way to make requests. */
  use_aws_http_client: z.boolean().optional(),
});

type Raw = z.infer<typeof schema>;

const SUBJECT_MAX = 100;
const SMS_MAX = 1600;
const MESSAGE_BYTES_MAX = 262_144;
/** What SNS says with a status 400, and that passes. */
const PASSING = /<Code>(Throttl\w*|RequestExpired|KMSThrottling\w*|OptInRequired)<\/Code>/;
const FORM = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };

export const snsKind: IntegrationKind<Raw> = {
  name: "sns",
  schema,
  read: (raw, reading) => {
    const { api_url, topic_arn, phone_number, target_arn } = raw;
    const targets = [topic_arn, phone_number, target_arn].filter((one) => one !== "");
    if (targets.length === 0) {
      reading.report("must provide either a Target ARN, Topic ARN, or Phone Number for SNS config");
    }
    const keys = readKeys(raw, reading);
    const client = readHttpConfig(raw.http_config, reading);
    const { subject, message, attributes } = raw;
    const textsOf = readTexts(reading, {
      ...{ api_url, topic_arn, phone_number, target_arn, subject, message, attributes },
    });
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const texts = textsOf(notification, ports);
        const address = texts.api_url || `https://sns.${keys.region}.amazonaws.com/`;
        if (!isHttpUrl(address)) {
          return { outcome: "rejected", text: "api_url gives no URL", retryAfterMs: null };
        }
        const url = new URL(address);
        const body = encodedForm(parametersOf(texts, notification));
        const parts = { method: "POST", url, headers: FORM, body } as const;
        const headers = { ...FORM, ...awsSignature(parts, keys, ports.nowMs()) };
        const request = { ...parts, url: url.href, headers, client };
        return snsAnswer(await ports.request(request, signal));
      },
    };
  },
};

function readKeys({ sigv4, api_url: url }: Raw, reading: Reading): AwsKeys {
  const { region = "", access_key: accessKey = "", secret_key: secretKey = "" } = sigv4 ?? {};
  const [, ofUrl = ""] = /^https?:\/\/sns\.([a-z0-9-]+)\.amazonaws\./.exec(url) ?? [];
  if (accessKey === "" || secretKey === "") {
    reading.report("access_key and secret_key must be configured", ["sigv4"]);
  }
  for (const name of ["profile", "role_arn", "filename"] as const) {
    if (sigv4?.[name]) reading.report("not supported", ["sigv4", name]);
  }
  const found = region || ofUrl;
  if (!/^[a-z0-9-]+$/.test(found)) {
    reading.report("a region must be configured", ["sigv4", "region"]);
  }
  return { region: found, service: "sns", accessKey, secretKey };
}

type SnsTexts = Pick<
  Raw,
  "topic_arn" | "phone_number" | "target_arn" | "subject" | "message" | "attributes"
>;

function parametersOf(texts: SnsTexts, notification: Notification): Record<string, string> {
  const { topic_arn: topic, phone_number: phone, target_arn: target } = texts;
  const message = cutBytes(texts.message, MESSAGE_BYTES_MAX);
  const shown = phone === "" ? message : cutText(texts.message, SMS_MAX);
  const subject = cutText(texts.subject.replace(/[\p{Cc}\s]+/gu, " ").trim(), SUBJECT_MAX);
  const isCut = shown !== texts.message;
  const attributes = { ...texts.attributes, ...(isCut ? { truncated: "true" } : {}) };
  const hash = groupHash(notification);
  return {
    ...{ Action: "Publish", Version: "2010-03-31", Message: shown },
    ...(topic === "" ? {} : { TopicArn: topic }),
    ...(phone === "" ? {} : { PhoneNumber: phone }),
    ...(target === "" ? {} : { TargetArn: target }),
    ...(subject === "" ? {} : { Subject: subject }),
    ...(topic.endsWith(".fifo") ? { MessageGroupId: hash, MessageDeduplicationId: hash } : {}),
    ...Object.fromEntries(Object.entries(attributes).flatMap(attributeParameters)),
  };
}

function attributeParameters([name, value]: [string, string], i: number): [string, string][] {
  const prefix = `MessageAttributes.entry.${i + 1}`;
  return [
    [`${prefix}.Name`, name],
    [`${prefix}.Value.DataType`, "String"],
    [`${prefix}.Value.StringValue`, value],
  ];
}

function encodedForm(parameters: Readonly<Record<string, string>>): string {
  return new URLSearchParams(parameters).toString();
}

function snsAnswer(answer: Parameters<typeof answerOf>[0]): SendAnswer {
  const told = answerOf(answer);
  return answer.status === 400 && PASSING.test(answer.text) ? { ...told, outcome: "retry" } : told;
}
