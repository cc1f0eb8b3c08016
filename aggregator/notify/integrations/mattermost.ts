/** Mattermost: incoming webhooks. */

import { z } from "zod";
import { cutText } from "./cut-text.ts";
import { attachmentField, neededUrl, secretFields, templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson } from "./http-send.ts";
import type { Reading } from "./integration.ts";
import { readFields, type Texts, withoutEmpty, withoutMarkup } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

/** Characters of a post. */
const TEXT_MAX = 16_383;
const TITLE_MAX = 1024;

const attachmentTexts = {
  fallback: text,
  color: text,
  text,
  title: text,
  title_link: text,
  pretext: text,
  author_name: text,
  author_link: text,
  author_icon: text,
  fields: z.array(attachmentField).default([]),
  thumb_url: text,
  footer: text,
  footer_icon: text,
  image_url: text,
};
const attachmentSchema = z.strictObject(attachmentTexts);
const postTexts = {
  channel: text,
  username: templated("mattermost.default.username"),
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
};
const schema = z.strictObject({
  ...httpFields,
  ...secretFields("webhook_url"),
  ...postTexts,
  ...attachmentTexts,
  text: templated("mattermost.default.text"),
  fallback: templated("mattermost.default.fallback"),
  color: templated("mattermost.default.color"),
  title: templated("mattermost.default.title"),
  title_link: templated("mattermost.default.titlelink"),
});

type Raw = z.infer<typeof schema>;

export const mattermostKind = httpKind({
  name: "mattermost",
  schema,
  read(raw, reading, client) {
    const url = neededUrl(reading, raw, "webhook_url", {
      global: "mattermost_webhook_url",
      missing: "missing webhook_url or webhook_url_file on mattermost_config",
    });
    const bodyOf = readBody(raw, reading);
    return async (notification, ports, signal) => {
      const body = bodyOf(withoutMarkup(notification), ports);
      return answerOf(await sendJson(ports, { url, client }, body, signal));
    };
  },
});

/** The entry itself is the first attachment. */
function readBody(raw: Raw, reading: Reading): Texts<object> {
  const expandPost = readFields(reading, raw, postTexts);
  const expandFirst = readFields(reading, raw, attachmentTexts);
  return (notification, ports) => {
    const { attachments, priority, ...post } = expandPost(notification, ports);
    const all = [expandFirst(notification, ports), ...attachments];
    return withoutEmpty({
      ...post,
      priority: priority && withoutEmpty(priority),
      attachments: all.map(attachmentOf),
    });
  };
}

function attachmentOf(attachment: z.infer<typeof attachmentSchema>) {
  return withoutEmpty({
    ...attachment,
    fallback: cutText(attachment.fallback, TEXT_MAX),
    text: cutText(attachment.text, TEXT_MAX),
    title: cutText(attachment.title, TITLE_MAX),
  });
}
