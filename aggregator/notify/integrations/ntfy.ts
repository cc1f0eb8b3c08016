/** A topic of ntfy.sh or of a server of one's own. */

import { z } from "zod";
import type { HttpClientOptions } from "../../../shared/platform/http-client.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { cutBytes, cutText } from "./cut-text.ts";
import { secretFields, secretOf, templated } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson, withBearer } from "./http-send.ts";
import type { Reading } from "./integration.ts";
import { readFields } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

const TITLE_MAX = 250;
/** A longer message becomes an attachment. */
const MESSAGE_BYTES_MAX = 4096;
const TAGS_MAX = 10;
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

const texts = {
  title: templated("ntfy.default.title"),
  message: templated("ntfy.default.message"),
  priority: z.string().default('{{ if eq .Status "firing" }}high{{ else }}default{{ end }}'),
  tags: z.array(z.string()).max(TAGS_MAX).default([]),
};
const schema = z.strictObject({
  ...httpFields,
  url: z.string().default("https://ntfy.sh"),
  topic: z.string().regex(/^[-_A-Za-z0-9]{1,64}$/, "must be 1 to 64 letters, digits, _ or -"),
  ...secretFields("token"),
  ...texts,
});

type Raw = z.infer<typeof schema>;

export const ntfyKind = httpKind({
  name: "ntfy",
  schema,
  read(raw, reading, own) {
    const client = readClient(raw, reading, own);
    const url = checkedUrl(reading, raw.url, "url");
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const { title, message, priority, tags } = expand(notification, ports);
      const body = {
        topic: raw.topic,
        title: cutText(title, TITLE_MAX),
        message: cutBytes(message, MESSAGE_BYTES_MAX),
        priority: priorityOf(priority),
        tags: tags.filter((tag) => tag !== "").map((tag) => cutText(tag, TAG_MAX)),
      };
      return answerOf(await sendJson(ports, { url, client }, body, signal));
    };
  },
});

function readClient(raw: Raw, reading: Reading, own: HttpClientOptions): HttpClientOptions {
  const token = secretOf(reading, raw, "token");
  if (token === "") return own;
  if (raw.http_config !== undefined && (own.authorization ?? own.oauth2) !== null) {
    reading.report("at most one of token and http_config's authorization must be configured");
  }
  return withBearer(own, token, "token", reading);
}

/** A label's value may be in it: whatever is not a priority is the usual one. */
function priorityOf(text: string): number {
  const name = text.trim().toLowerCase();
  return /^[1-5]$/.test(name) ? Number(name) : (PRIORITIES.get(name) ?? PRIORITY_DEFAULT);
}
