/** A topic of ntfy.sh or of a server of one's own. */

import { z } from "zod";
import { readHttpConfig } from "../config/http-config.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import { answerOf, cutBytes, cutText, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const URL_DEFAULT = "https://ntfy.sh";
const TITLE_MAX = 250;
/** A longer message becomes an attachment. */
const MESSAGE_BYTES_MAX = 4096;
const TAG_MAX = 64;
const PRIORITY_DEFAULT = 3;
const PRIORITIES = new Map([
  ["min", 1],
  ["low", 2],
  ["default", 3],
  ["high", 4],
  ["max", 5],
  ["urgent", 5],
]);

const schema = z.strictObject({
  ...parts.sendFields,
  url: z.string().default(URL_DEFAULT),
  topic: z.string().regex(/^[-_A-Za-z0-9]{1,64}$/, "must be 1 to 64 letters, digits, _ or -"),
  token: parts.text,
  token_file: parts.file,
  title: z.string().default('{{ template "ntfy.default.title" . }}'),
  message: z.string().default('{{ template "ntfy.default.message" . }}'),
  priority: z.string().default('{{ if eq .Status "firing" }}high{{ else }}default{{ end }}'),
  tags: z.array(z.string()).max(10).default([]),
});

type Raw = z.infer<typeof schema>;

export const ntfyKind: IntegrationKind<Raw> = {
  name: "ntfy",
  schema,
  read(raw, reading) {
    const token = readSecret(reading, raw.token, raw.token_file, "token");
    const own = readHttpConfig(raw.http_config, reading);
    const client = token === "" ? own : { ...own, authorization: `Bearer ${token}`, oauth2: null };
    if (!/^[\x21-\x7e]*$/.test(token)) reading.report("token must be ASCII without spaces");
    const hasOther = raw.http_config !== undefined && (own.authorization ?? own.oauth2) !== null;
    if (token !== "" && hasOther) {
      reading.report("at most one of token and http_config's authorization must be configured");
    }
    const url = checkedUrl(reading, raw.url, "url");
    const { title, message, priority, tags } = raw;
    const expand = readTexts(reading, { title, message, priority, tags });
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      async send(notification, ports, signal) {
        const expanded = expand(notification, ports);
        const body = {
          topic: raw.topic,
          title: cutText(expanded.title, TITLE_MAX),
          message: cutBytes(expanded.message, MESSAGE_BYTES_MAX),
          priority: priorityOf(expanded.priority),
          tags: expanded.tags.filter((tag) => tag !== "").map((tag) => cutText(tag, TAG_MAX)),
        };
        return answerOf(await sendJson(ports, { url, client }, body, signal));
      },
    };
  },
};

/** A label's value may be in it: whatever is not a priority is the usual one. */
function priorityOf(text: string): number {
  const name = text.trim().toLowerCase();
  return /^[1-5]$/.test(name) ? Number(name) : (PRIORITIES.get(name) ?? PRIORITY_DEFAULT);
}
