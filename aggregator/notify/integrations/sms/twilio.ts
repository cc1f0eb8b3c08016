/** Messages of Twilio, one request a number. */

import { z } from "zod";
import type { HttpClientOptions } from "../../../../shared/platform/http-client.ts";
import { checkedUrl } from "../../config/read-secret.ts";
import { answerOf, answerRecord, joinUrl } from "../http-send.ts";
import type { Reading, Sender } from "../integration.ts";
import { readTexts } from "../message-texts.ts";
import * as parts from "../send-parts.ts";
import { Recipients, type Sent, shortText, smsFields, TEXT_DEFAULT } from "./recipients.ts";

export const twilioSchema = z.strictObject({
  provider: z.literal("twilio"),
  ...smsFields,
  api_url: z.string().default("https://api.twilio.com"),
  account_sid: z.string().regex(/^\w{1,64}$/, "must be letters and digits"),
  auth_token: parts.text,
  auth_token_file: parts.file,
  from: z.string().min(1),
  text: z.string().default(TEXT_DEFAULT),
});

type Raw = z.infer<typeof twilioSchema>;

export function readTwilio(raw: Raw, reading: Reading, own: HttpClientOptions): Sender["send"] {
  const token = parts.readNeeded(reading, raw, "auth_token");
  const base = checkedUrl(reading, raw.api_url, "api_url");
  const expand = readTexts(reading, { text: raw.text });
  const recipients = new Recipients(raw.to);
  const basic = Buffer.from(`${raw.account_sid}:${token}`).toString("base64");
  const client = { ...own, authorization: `Basic ${basic}`, oauth2: null };
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return (notification, ports, signal) =>
    recipients.send(notification, async (numbers) => {
      const url = joinUrl(base, `2010-04-01/Accounts/${raw.account_sid}/Messages.json`);
      const text = shortText(expand(notification, ports).text);
      const sent: Sent[] = [];
      for (const number of numbers) {
        const body = new URLSearchParams({ To: number, From: raw.from, Body: text }).toString();
        const answer = await ports.request({ method: "POST", url, headers, body, client }, signal);
        const { message } = answerRecord(answer.text);
        const said = typeof message === "string" ? { ...answer, text: message } : answer;
        sent.push({ number, answer: answerOf(said) });
      }
      return sent;
    });
}
