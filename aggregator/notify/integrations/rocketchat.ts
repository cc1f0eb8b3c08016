/** Rocket.Chat: chat.postMessage of its REST API. */

import { z } from "zod";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl } from "../config/read-secret.ts";
import {
  answerOf,
  answerRecord,
  cutText,
  joinUrl,
  readOwnOrGlobal,
  SEND_TIMEOUT_MS,
  sendJson,
  shownAnswer,
} from "./http-send.ts";
import type { IntegrationKind, Reading } from "./integration.ts";
import { readTexts, type Texts, withoutEmpty, withoutMarkup } from "./message-texts.ts";

const text = z.string().default("");
const field = z.strictObject({
  title: z.string(),
  value: z.string(),
  short: z.boolean().optional(),
});
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

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  api_url: z.string().optional(),
  token: z.string().optional(),
  token_file: z.string().min(1).optional(),
  token_id: z.string().optional(),
  token_id_file: z.string().min(1).optional(),
  channel: text,
  color: z.string().default('{{ if eq .Status "firing" }}red{{ else }}green{{ end }}'),
  title: z.string().default('{{ template "rocketchat.default.title" . }}'),
  title_link: z.string().default('{{ template "rocketchat.default.titlelink" . }}'),
  text: z.string().default('{{ template "rocketchat.default.text" . }}'),
  emoji: z.string().default('{{ template "rocketchat.default.emoji" . }}'),
  icon_url: z.string().default('{{ template "rocketchat.default.iconurl" . }}'),
  image_url: text,
  thumb_url: text,
  fields: z.array(field).default([]),
  short_fields: z.boolean().optional(),
  link_names: z.boolean().optional(),
  actions: z.array(action).default([]),
});

type Raw = z.infer<typeof schema>;

const API_URL = "https://open.rocket.chat/";
const TITLE_MAX = 1024;
/** A server's setting, Message_MaxAllowedSize; this is what it ships with. */
const TEXT_MAX = 5000;

export const rocketchatKind: IntegrationKind<Raw> = {
  name: "rocketchat",
  schema,
  read: (raw, reading) => {
    const token = readOwnOrGlobal(reading, raw, "token", "rocketchat_token");
    const id = readOwnOrGlobal(reading, raw, "token_id", "rocketchat_token_id");
    if (token === "") reading.report("no global Rocketchat Token set either inline or in a file");
    if (id === "") reading.report("no global Rocketchat TokenID set either inline or in a file");
    const base = raw.api_url ?? reading.globals.rocketchat_api_url ?? API_URL;
    checkedUrl(reading, base, "api_url");
    const client = readHttpConfig(raw.http_config, reading);
    const bodyOf = readBody(raw, reading);
    return {
      sendsResolved: raw.send_resolved ?? false,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const headers = { "x-auth-token": token, "x-user-id": id };
        const body = bodyOf(withoutMarkup(notification), ports);
        const url = joinUrl(base, "api/v1/chat.postMessage");
        const answer = await sendJson(ports, { url, headers, client }, body, signal);
        const { success, error } = answerRecord(answer.text);
        if (answer.status !== 200 || success !== false) return answerOf(answer);
        const told = shownAnswer(`200: ${error}`);
        return { outcome: "retry", text: told, retryAfterMs: answer.retryAfterMs };
      },
    };
  },
};

function readBody(raw: Raw, reading: Reading): Texts<object> {
  const { channel, emoji, icon_url, color, title, title_link } = raw;
  const { text: body, image_url, thumb_url, fields, actions } = raw;
  const textsOf = readTexts(reading, {
    ...{ channel, emoji, icon_url, color, title, title_link },
    ...{ text: body, image_url, thumb_url, fields, actions },
  });
  return (notification, ports) => {
    const { channel, emoji, icon_url, ...texts } = textsOf(notification, ports);
    const attachment = withoutEmpty({
      ...texts,
      title: cutText(texts.title, TITLE_MAX),
      text: cutText(texts.text, TEXT_MAX),
      fields: texts.fields.map((one) => ({
        ...one,
        short: one.short ?? raw.short_fields ?? false,
      })),
      actions: texts.actions.map((one) => withoutEmpty({ ...one, type: "button" })),
    });
    const parseUrls = raw.link_names === true ? true : undefined;
    return withoutEmpty({ channel, emoji, avatar: icon_url, parseUrls, attachments: [attachment] });
  };
}
