/**
 * Any SMS gateway that is spoken to over HTTP. The request is a structure whose texts are templates: so
 * a label's value cannot become a part of it.
 */

import { z } from "zod";
import type { HttpClientOptions } from "../../../../shared/platform/http-client.ts";
import { answerOf } from "../http-send.ts";
import type { Reading, Sender } from "../integration.ts";
import { readTexts } from "../message-texts.ts";
import * as parts from "../send-parts.ts";
import { shortText } from "./recipients.ts";

export const gatewaySchema = z.strictObject({
  provider: z.literal("http"),
  ...parts.sendFields,
  url: parts.text,
  url_file: parts.file,
  method: z.enum(["GET", "POST", "PUT"]).default("POST"),
  /** Fields of a form; those of a GET are the URL's query. */
  form: z.record(z.string(), z.string()).optional(),
  /** Or a body of JSON. */
  json: z.json().optional(),
});

type Raw = z.infer<typeof gatewaySchema>;
type Fields = Readonly<Record<string, string>>;

export function readGateway(raw: Raw, reading: Reading, client: HttpClientOptions): Sender["send"] {
  const url = parts.readNeededUrl(reading, raw, "url");
  const { method, form, json } = raw;
  if ((form === undefined) === (json === undefined)) {
    reading.report("one of form and json must be configured");
  }
  if (json !== undefined && method === "GET") reading.report("json needs method POST or PUT");
  const expandForm = readTexts(reading, form ?? {}, ["form"]);
  const expandJson = readTexts<unknown>(reading, json, ["json"]);
  return async (notification, ports, signal) => {
    const request =
      form === undefined
        ? jsonRequest(url, shortened(json, expandJson(notification, ports)))
        : formRequest(url, method, shortened(form, expandForm(notification, ports)) as Fields);
    return answerOf(await ports.request({ method, ...request, client }, signal));
  };
}

/** What is no template stays as it is, however long: it may be a token. */
function shortened(source: unknown, expanded: unknown): unknown {
  if (typeof source === "string" && typeof expanded === "string") {
    return source.includes("{{") ? shortText(expanded) : expanded;
  }
  if (Array.isArray(source) && Array.isArray(expanded)) {
    return source.map((item, i) => shortened(item, expanded[i]));
  }
  if (typeof source !== "object" || source === null) return expanded;
  const filled: Readonly<Record<string, unknown>> = Object(expanded);
  return Object.fromEntries(
    Object.entries(source).map(([name, item]) => [name, shortened(item, filled[name])]),
  );
}

function jsonRequest(url: string, value: unknown) {
  return { url, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

function formRequest(base: string, method: string, fields: Fields) {
  const body = new URLSearchParams(fields).toString();
  if (method !== "GET") {
    return { url: base, headers: { "content-type": "application/x-www-form-urlencoded" }, body };
  }
  const url = new URL(base);
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  return { url: url.href, headers: {}, body: "" };
}
