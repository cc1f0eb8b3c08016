/** Rocket.Chat: chat.postMessage of its REST API. */

import { z } from "zod";
import { checkedUrl } from "../config/read-secret.ts";
import { cutText } from "./cut-text.ts";
import { attachmentField, neededSecret, secretFields, templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { joinUrl, sendJson } from "./http-send.ts";
import type { Reading } from "./integration.ts";
import { readFields, type Texts, withoutEmpty, withoutMarkup } from "./message-texts.ts";
import { bodyErrorAnswer } from "./send-answer.ts";

const URL_DEFAULT = "https://open.rocket.chat/";
const TITLE_MAX = 1024;
/** A server's setting, Message_MaxAllowedSize; this is what it ships with. */
const TEXT_MAX = 5000;

const action = z.strictObject({
  type: text,
  text,
  url: text,
  image_url: text,
  is_webview: z.boolean().optional(),
  webview_height_ratio: text,
  msg: text,
  msg_in_chat_window: z.boolean().optional(),
  msg_processing_type: text,
});
const texts = {
  channel: text,
  color: z.string().default('{{ if eq .Status "firing" }}red{{ else }}green{{ end }}'),
  title: templated("rocketchat.default.title"),
  title_link: templated("rocketchat.default.titlelink"),
  text: templated("rocketchat.default.text"),
  emoji: templated("rocketchat.default.emoji"),
  icon_url: templated("rocketchat.default.iconurl"),
  image_url: text,
  thumb_url: text,
  fields: z.array(attachmentField).default([]),
  actions: z.array(action).default([]),
};
const schema = z.strictObject({
  ...httpFields,
  send_resolved: z.boolean().default(false),
  api_url: z.string().optional(),
  ...secretFields("token"),
  ...secretFields("token_id"),
  ...texts,
  short_fields: z.boolean().default(false),
  link_names: z.boolean().default(false),
});

type Raw = z.infer<typeof schema>;

export const rocketchatKind = httpKind({
  name: "rocketchat",
  schema,
  read(raw, reading, client) {
    const token = neededSecret(reading, raw, "token", {
      global: "rocketchat_token",
      missing: "no global Rocketchat Token set either inline or in a file",
    });
    const id = neededSecret(reading, raw, "token_id", {
      global: "rocketchat_token_id",
      missing: "no global Rocketchat TokenID set either inline or in a file",
    });
    const url = raw.api_url ?? reading.globals.rocketchat_api_url ?? URL_DEFAULT;
    const base = checkedUrl(reading, url, "api_url");
    const headers = { "x-auth-token": token, "x-user-id": id };
    const bodyOf = readBody(raw, reading);
    return async (notification, ports, signal) => {
      const target = { url: joinUrl(base, "api/v1/chat.postMessage"), headers, client };
      const body = bodyOf(withoutMarkup(notification), ports);
      const answer = await sendJson(ports, target, body, signal);
      return bodyErrorAnswer(answer, "success");
    };
  },
});

function readBody(raw: Raw, reading: Reading): Texts<object> {
  const expand = readFields(reading, raw, texts);
  return (notification, ports) => {
    const { channel, emoji, icon_url: avatar, ...shown } = expand(notification, ports);
    const attachment = withoutEmpty({
      ...shown,
      title: cutText(shown.title, TITLE_MAX),
      text: cutText(shown.text, TEXT_MAX),
      fields: shown.fields.map((one) => ({ ...one, short: one.short ?? raw.short_fields })),
      actions: shown.actions.map((one) => withoutEmpty({ ...one, type: "button" })),
    });
    const parseUrls = raw.link_names || undefined;
    return withoutEmpty({ channel, emoji, avatar, parseUrls, attachments: [attachment] });
  };
}
