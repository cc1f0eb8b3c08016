/** Mattermost: incoming webhooks. */

import { z } from "zod";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { answerOf, cutText, readOwnOrGlobal, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind, Reading } from "./integration.ts";
import { readTexts, type Texts, withoutEmpty, withoutMarkup } from "./message-texts.ts";

const text = z.string().default("");
const field = z.strictObject({
  title: z.string(),
  value: z.string(),
  short: z.boolean().optional(),
});
const plainFields = {
  pretext: text,
  author_name: text,
  author_link: text,
  author_icon: text,
  fields: z.array(field).default([]),
  thumb_url: text,
  footer: text,
  footer_icon: text,
  image_url: text,
};
const attachmentSchema = z.strictObject({
  fallback: text,
  color: text,
  text,
  title: text,
  title_link: text,
  ...plainFields,
});

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  webhook_url: z.string().optional(),
  webhook_url_file: z.string().min(1).optional(),
  channel: text,
  username: z.string().default('{{ template "mattermost.default.username" . }}'),
  text: z.string().default('{{ template "mattermost.default.text" . }}'),
  fallback: z.string().default('{{ template "mattermost.default.fallback" . }}'),
  color: z.string().default('{{ template "mattermost.default.color" . }}'),
  title: z.string().default('{{ template "mattermost.default.title" . }}'),
  title_link: z.string().default('{{ template "mattermost.default.titlelink" . }}'),
  ...plainFields,
  icon_url: text,
  icon_emoji: text,
  attachments: z.array(attachmentSchema).default([]),
  type: text,
  props: z.strictObject({ card: text }).optional(),
  priority: z
    .strictObject({
      priority: text,
      requested_ack: z.boolean().optional(),
      persistent_notifications: z.boolean().optional(),
    })
    .optional(),
});

type Raw = z.infer<typeof schema>;
type Attachment = z.infer<typeof attachmentSchema>;

/** Characters of a post. */
const TEXT_MAX = 16_383;
const TITLE_MAX = 1024;

export const mattermostKind: IntegrationKind<Raw> = {
  name: "mattermost",
  schema,
  read: (raw, reading) => {
    const url = readOwnOrGlobal(reading, raw, "webhook_url", "mattermost_webhook_url");
    if (url === "") {
      reading.report("missing webhook_url or webhook_url_file on mattermost_config");
    }
    const client = readHttpConfig(raw.http_config, reading);
    const request = { url: url && checkedUrl(reading, url, "webhook_url"), client };
    const bodyOf = readBody(raw, reading);
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const body = bodyOf(withoutMarkup(notification), ports);
        return answerOf(await sendJson(ports, request, body, signal));
      },
    };
  },
};

function readBody(raw: Raw, reading: Reading): Texts<object> {
  const { channel, username, icon_url, icon_emoji, type, props, priority, attachments } = raw;
  const { fallback, color, pretext, text: body, title, title_link, fields } = raw;
  const { author_name, author_link, author_icon, thumb_url, image_url } = raw;
  const { footer, footer_icon } = raw;
  const headOf = readTexts(reading, {
    ...{ channel, username, icon_url, icon_emoji, type, props, priority, attachments },
  });
  const mainOf = readTexts(reading, {
    ...{ fallback, color, pretext, text: body, title, title_link, fields },
    ...{ author_name, author_link, author_icon, thumb_url, image_url, footer, footer_icon },
  });
  return (notification, ports) => {
    const head = headOf(notification, ports);
    const all = [mainOf(notification, ports), ...head.attachments];
    return withoutEmpty({
      ...head,
      priority: head.priority === undefined ? undefined : withoutEmpty(head.priority),
      attachments: all.map(attachmentOf),
    });
  };
}

function attachmentOf(attachment: Attachment) {
  return withoutEmpty({
    ...attachment,
    fallback: cutText(attachment.fallback, TEXT_MAX),
    text: cutText(attachment.text, TEXT_MAX),
    title: cutText(attachment.title, TITLE_MAX),
  });
}
