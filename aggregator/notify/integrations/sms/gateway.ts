/**
 * Any SMS gateway that is spoken to over HTTP. The request is a structure whose texts are templates: so
 * a label's value cannot become a part of it.
 */

import { z } from "zod";
import type { HttpClientOptions } from "../../../../shared/platform/http-client.ts";
import { neededUrl, secretFields } from "../entry-fields.ts";
import { httpFields } from "../http-kind.ts";
import { sendForm, sendGet, sendJson, withQuery } from "../http-send.ts";
import type { Reading, Sender } from "../integration.ts";
import { readTexts } from "../message-texts.ts";
import { answerOf } from "../send-answer.ts";
import { shortText } from "./recipients.ts";

export const gatewaySchema = z.strictObject({
  provider: z.literal("http"),
  ...httpFields,
  ...secretFields("url"),
  method: z.enum(["GET", "POST", "PUT"]).default("POST"),
  /** Fields of a form; those of a GET are the URL's query. */
  form: z.record(z.string(), z.string()).optional(),
  /** Or a body of JSON. */
  json: z.json().optional(),
});

type Raw = z.infer<typeof gatewaySchema>;

export function readGateway(raw: Raw, reading: Reading, client: HttpClientOptions): Sender["send"] {
  const url = neededUrl(reading, raw, "url");
  const { method, form, json } = raw;
  if ((form === undefined) === (json === undefined)) {
    reading.report("one of form and json must be configured");
  }
  if (json !== undefined && method === "GET") reading.report("json needs method POST or PUT");
  const expandForm = readTexts(reading, form ?? {}, ["form"], shortText);
  const expandJson = readTexts<unknown>(reading, json, ["json"], shortText);
  return async (notification, ports, signal) => {
    const fields = expandForm(notification, ports);
    if (method === "GET") {
      return answerOf(await sendGet(ports, { url: withQuery(url, fields), client }, signal));
    }
    const target = { method, url, client };
    if (form !== undefined) return answerOf(await sendForm(ports, target, fields, signal));
    return answerOf(await sendJson(ports, target, expandJson(notification, ports), signal));
  };
}
