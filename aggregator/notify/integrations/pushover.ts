/** Pushover's message API. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { cutText, plainOfHtml } from "./cut-text.ts";
import { neededSecret, secretFields, templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendForm } from "./http-send.ts";
import { readFields, readHtml, readTexts, withoutEmpty } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

const URL_MESSAGES = "https://api.pushover.net/1/messages.json";
const TITLE_MAX = 250;
const MESSAGE_MAX = 1024;
const LINK_MAX = 512;
const LINK_TITLE_MAX = 100;
const RETRY_MIN_MS = 30_000;
const EXPIRE_MAX_MS = 3 * 3_600_000;
/** The only priority that is repeated until somebody says that it was seen. */
const EMERGENCY = "2";

/** Besides the message, which may be HTML. */
const texts = {
  title: templated("pushover.default.title"),
  url: templated("pushover.default.url"),
  url_title: text,
  device: text,
  sound: text,
  priority: z.string().default('{{ if eq .Status "firing" }}2{{ else }}0{{ end }}'),
};
const schema = z.strictObject({
  ...httpFields,
  ...secretFields("user_key"),
  ...secretFields("token"),
  ...texts,
  message: templated("pushover.default.message"),
  retry: duration.default(60_000),
  expire: duration.default(3_600_000),
  ttl: duration.default(0),
  html: z.boolean().default(false),
  monospace: z.boolean().default(false),
});

type Raw = z.infer<typeof schema>;

export const pushoverKind = httpKind({
  name: "pushover",
  schema,
  read(raw, reading, client) {
    const user = neededSecret(reading, raw, "user_key");
    const token = neededSecret(reading, raw, "token");
    if (raw.html && raw.monospace) {
      reading.report("at most one of monospace & html must be configured");
    }
    if (raw.retry < RETRY_MIN_MS) reading.report("must be at least 30s", ["retry"]);
    if (raw.expire > EXPIRE_MAX_MS) reading.report("must be at most 3h", ["expire"]);
    const expand = readFields(reading, raw, texts);
    const place = ["message"];
    const expandMessage = raw.html
      ? readHtml(reading, raw.message, place)
      : readTexts(reading, raw.message, place);
    return async (notification, ports, signal) => {
      const message = expandMessage(notification, ports).trim() || "(no details)";
      const fields = {
        ...{ token, user },
        ...textFields(expand(notification, ports), raw),
        ...messageFields(message, raw),
        ...(raw.ttl === 0 ? {} : { ttl: seconds(raw.ttl) }),
      };
      return answerOf(await sendForm(ports, { url: URL_MESSAGES, client }, fields, signal));
    };
  },
});

const seconds = (ms: number) => String(Math.round(ms / 1000));

function textFields(expanded: Pick<Raw, keyof typeof texts>, { retry, expire }: Raw) {
  const { title, url, url_title, device, sound } = expanded;
  const wanted = expanded.priority.trim();
  const priority = /^(-2|-1|0|1|2)$/.test(wanted) ? wanted : "0";
  return {
    title: cutText(title, TITLE_MAX),
    priority,
    ...(priority === EMERGENCY ? { retry: seconds(retry), expire: seconds(expire) } : {}),
    ...withoutEmpty({
      url: url.length > LINK_MAX ? "" : url, // half a link leads nowhere
      url_title: cutText(url_title, LINK_TITLE_MAX),
      ...{ device, sound },
    }),
  };
}

/** A text that is too long loses its format: where it is cut a tag would stay open. */
function messageFields(message: string, { html, monospace }: Raw) {
  const cut = cutText(message, MESSAGE_MAX);
  if (html && cut !== message) return { message: cutText(plainOfHtml(message), MESSAGE_MAX) };
  return {
    message: cut,
    ...(html ? { html: "1" } : {}),
    ...(monospace ? { monospace: "1" } : {}),
  };
}
