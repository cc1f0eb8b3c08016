/** Amazon SNS: Publish of its query API. */

import { z } from "zod";
import type { HttpAnswer } from "../../../shared/platform/http-client.ts";
import type { Notification } from "../../model/notification.ts";
import { isHttpUrl } from "../config/read-secret.ts";
import { groupHash } from "../message-parts.ts";
import { type AwsKeys, awsSignature } from "./aws-signature.ts";
import { cutBytes, cutText, oneLine } from "./cut-text.ts";
import { templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendText } from "./http-send.ts";
import type { Reading, SendAnswer } from "./integration.ts";
import { readFields, withoutEmpty } from "./message-texts.ts";
import { answerOf, rejected } from "./send-answer.ts";
import { sha256 } from "./signature.ts";

const SUBJECT_MAX = 100;
const SMS_MAX = 1600;
const MESSAGE_BYTES_MAX = 262_144;
/** What SNS says with a status 400, and that passes. */
const PASSING = /<Code>(Throttl\w*|RequestExpired|KMSThrottling\w*|OptInRequired)<\/Code>/;
const FORM_TYPE = "application/x-www-form-urlencoded; charset=utf-8";

const texts = {
  api_url: text,
  topic_arn: text,
  phone_number: text,
  target_arn: text,
  subject: templated("sns.default.subject"),
  message: templated("sns.default.message"),
  attributes: z.record(z.string(), z.string()).default({}),
};
const schema = z.strictObject({
  ...httpFields,
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
  ...texts,
  /** Taken and without effect: there is one way to make requests. */
  use_aws_http_client: z.boolean().optional(),
});

type Raw = z.infer<typeof schema>;

export const snsKind = httpKind({
  name: "sns",
  schema,
  read(raw, reading, client) {
    if (raw.topic_arn === "" && raw.phone_number === "" && raw.target_arn === "") {
      reading.report("must provide either a Target ARN, Topic ARN, or Phone Number for SNS config");
    }
    const keys = readKeys(raw, reading);
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const expanded = expand(notification, ports);
      const address = expanded.api_url || addressIn(keys.region);
      if (!isHttpUrl(address)) return rejected("api_url gives no URL");
      const url = new URL(address);
      const body = new URLSearchParams(parametersOf(expanded, notification)).toString();
      const signed = { method: "POST", url, headers: { "content-type": FORM_TYPE }, body };
      const headers = awsSignature(signed, keys, ports.clock.nowMs());
      const target = { url: url.href, headers, client };
      const content = { type: FORM_TYPE, text: body };
      return snsAnswer(await sendText(ports, target, content, signal));
    };
  },
});

/** China has a domain of its own. */
function addressIn(region: string): string {
  return `https://sns.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/`;
}

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

function parametersOf(
  expanded: Pick<Raw, keyof typeof texts>,
  notification: Notification,
): Record<string, string> {
  const { topic_arn: topic, phone_number: phone, target_arn: target, message } = expanded;
  const isSms = phone !== "";
  const shown = isSms ? cutText(message, SMS_MAX) : cutBytes(message, MESSAGE_BYTES_MAX);
  const attributes = {
    ...expanded.attributes,
    ...(shown === message ? {} : { truncated: "true" }),
  };
  return {
    ...{ Action: "Publish", Version: "2010-03-31", Message: shown },
    ...withoutEmpty({
      TopicArn: topic,
      PhoneNumber: phone,
      TargetArn: target,
      Subject: cutText(oneLine(expanded.subject), SUBJECT_MAX),
    }),
    ...(topic.endsWith(".fifo") ? fifoParameters(notification) : {}),
    // SNS refuses a message with an attribute that is empty.
    ...Object.fromEntries(Object.entries(withoutEmpty(attributes)).flatMap(attributeParameters)),
  };
}

/** A second message with the same deduplication id is dropped if it comes within five minutes. */
function fifoParameters(notification: Notification): Record<string, string> {
  const hash = groupHash(notification);
  const id = sha256(`${hash} ${notification.timeMs}`);
  return { MessageGroupId: hash, MessageDeduplicationId: id };
}

function attributeParameters([name, value]: [string, string], i: number): [string, string][] {
  const prefix = `MessageAttributes.entry.${i + 1}`;
  return [
    [`${prefix}.Name`, name],
    [`${prefix}.Value.DataType`, "String"],
    [`${prefix}.Value.StringValue`, value],
  ];
}

function snsAnswer(answer: HttpAnswer): SendAnswer {
  const byStatus = answerOf(answer);
  const isPassing = answer.status === 400 && PASSING.test(answer.text);
  return isPassing ? { ...byStatus, outcome: "retry" } : byStatus;
}
