/** Pushover's message API. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { readHttpConfig } from "../config/http-config.ts";
import { answerOf, cutText, SEND_TIMEOUT_MS } from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const URL_MESSAGES = "https://api.pushover.net/1/messages.json";
const TITLE_MAX = 250;
const MESSAGE_MAX = 1024;
const LINK_MAX = 512;
const LINK_TITLE_MAX = 100;
const RETRY_MIN_MS = 30_000;
const EXPIRE_MAX_MS = 3 * 3_600_000;
/** The only priority that is repeated until somebody says that it was seen. */
const EMERGENCY = "2";

const schema = z.strictObject({
  ...parts.sendFields,
  user_key: parts.text,
  user_key_file: parts.file,
  token: parts.text,
  token_file: parts.file,
  title: z.string().default('{{ template "pushover.default.title" . }}'),
  message: z.string().default('{{ template "pushover.default.message" . }}'),
  url: z.string().default('{{ template "pushover.default.url" . }}'),
  url_title: z.string().default(""),
  device: z.string().default(""),
  sound: z.string().default(""),
  priority: z.string().default('{{ if eq .Status "firing" }}2{{ else }}0{{ end }}'),
  retry: duration.default(60_000),
  expire: duration.default(3_600_000),
  ttl: duration.default(0),
  html: z.boolean().default(false),
  monospace: z.boolean().default(false),
});

type Raw = z.infer<typeof schema>;

export const pushoverKind: IntegrationKind<Raw> = {
  name: "pushover",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    const user = parts.readNeeded(reading, raw, "user_key");
    const token = parts.readNeeded(reading, raw, "token");
    if (raw.html && raw.monospace) {
      reading.report("at most one of monospace & html must be configured");
    }
    if (raw.retry < RETRY_MIN_MS) reading.report("must be at least 30s", ["retry"]);
    if (raw.expire > EXPIRE_MAX_MS) reading.report("must be at most 3h", ["expire"]);
    const { title, url, url_title, device, sound, priority } = raw;
    const texts = { title, url, url_title, device, sound, priority };
    const expand = readTexts(reading, texts);
    const expandMessage = raw.html
      ? parts.readHtml(reading, raw.message, "message")
      : readTexts(reading, raw.message, ["message"]);
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      async send(notification, ports, signal) {
        const message = expandMessage(notification, ports);
        const fields = {
          ...{ token, user },
          ...textFields(expand(notification, ports), raw),
          ...messageFields(message.trim() || "(no details)", raw),
          ...(raw.ttl === 0 ? {} : { ttl: seconds(raw.ttl) }),
        };
        const body = new URLSearchParams(fields).toString();
        const headers = { "content-type": "application/x-www-form-urlencoded" };
        const request = { method: "POST", url: URL_MESSAGES, headers, body, client } as const;
        return answerOf(await ports.request(request, signal));
      },
    };
  },
};

const seconds = (ms: number) => String(Math.round(ms / 1000));

type Expanded = Readonly<
  Record<"title" | "url" | "url_title" | "device" | "sound" | "priority", string>
>;

function textFields(expanded: Expanded, raw: Raw): Record<string, string> {
  const { title, url, url_title, device, sound } = expanded;
  const priority = /^(-2|-1|0|1|2)$/.test(expanded.priority.trim())
    ? expanded.priority.trim()
    : "0";
  const optional = Object.entries({ device, sound }).filter(([, value]) => value !== "");
  return {
    title: cutText(title, TITLE_MAX),
    priority,
    ...(priority === EMERGENCY ? { retry: seconds(raw.retry), expire: seconds(raw.expire) } : {}),
    // Half a link leads nowhere.
    ...(url === "" || url.length > LINK_MAX ? {} : { url }),
    ...(url_title === "" ? {} : { url_title: cutText(url_title, LINK_TITLE_MAX) }),
    ...Object.fromEntries(optional),
  };
}

/** A text that is too long loses its format: where it is cut a tag would stay open. */
function messageFields(message: string, { html, monospace }: Raw): Record<string, string> {
  if (html && message.length > MESSAGE_MAX) {
    return { message: cutText(parts.plainOfHtml(message), MESSAGE_MAX) };
  }
  return {
    message: cutText(message, MESSAGE_MAX),
    ...(html ? { html: "1" } : {}),
    ...(monospace ? { monospace: "1" } : {}),
  };
}
