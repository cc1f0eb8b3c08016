/** Messages of Twilio, one request a number. */

import { z } from "zod";
import type { HttpClientOptions } from "../../../../shared/platform/http-client.ts";
import { checkedUrl } from "../../config/read-secret.ts";
import { neededSecret, secretFields } from "../entry-fields.ts";
import { joinUrl, sendForm, withAuthorization } from "../http-send.ts";
import type { Reading, Sender } from "../integration.ts";
import { readTexts } from "../message-texts.ts";
import { answerOf, answerRecord } from "../send-answer.ts";
import { Recipients, shortText, smsFields, TEXT_DEFAULT } from "./recipients.ts";

export const twilioSchema = z.strictObject({
  provider: z.literal("twilio"),
  ...smsFields,
  api_url: z.string().default("https://api.twilio.com"),
  account_sid: z.string().regex(/^\w{1,64}$/, "must be letters and digits"),
  ...secretFields("auth_token"),
  from: z.string().min(1),
  text: z.string().default(TEXT_DEFAULT),
});

type Raw = z.infer<typeof twilioSchema>;

export function readTwilio(raw: Raw, reading: Reading, own: HttpClientOptions): Sender["send"] {
  const token = neededSecret(reading, raw, "auth_token");
  const base = checkedUrl(reading, raw.api_url, "api_url");
  const expand = readTexts(reading, raw.text, ["text"]);
  const recipients = new Recipients(raw.to);
  const basic = Buffer.from(`${raw.account_sid}:${token}`).toString("base64");
  const client = withAuthorization(own, `Basic ${basic}`);
  return (notification, ports, signal) =>
    recipients.send(notification, async function* (numbers) {
      const url = joinUrl(base, `2010-04-01/Accounts/${raw.account_sid}/Messages.json`);
      const text = shortText(expand(notification, ports));
      for (const number of numbers) {
        const fields = { To: number, From: raw.from, Body: text };
        const answer = await sendForm(ports, { url, client }, fields, signal);
        const { message } = answerRecord(answer.text);
        const said = typeof message === "string" ? { ...answer, text: message } : answer;
        yield { number, answer: answerOf(said) };
      }
    });
}
