/** Slack: incoming webhooks, and chat.postMessage with a token of an app. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import type { HttpAnswer, HttpClientOptions } from "../../../shared/platform/http-client.ts";
import type { Notification } from "../../model/notification.ts";
import type { Globals } from "../config/globals.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import { isFiring } from "../message-parts.ts";
import { answerOf, answerRecord, cutText, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind, Reading, SendAnswer } from "./integration.ts";
import { readTexts, withoutEmpty, withoutMarkup } from "./message-texts.ts";

const text = z.string();
const field = z.strictObject({ title: text, value: text, short: z.boolean().optional() });
const confirmation = z.strictObject({
  text,
  title: text.optional(),
  ok_text: text.optional(),
  dismiss_text: text.optional(),
});
const action = z
  .strictObject({
    type: text.min(1, "missing type in Slack action configuration"),
    text: text.min(1, "missing text in Slack action configuration"),
    url: text.optional(),
    name: text.optional(),
    value: text.optional(),
    style: text.optional(),
    confirm: confirmation.optional(),
  })
  .refine(({ url, name }) => url || name, "missing name or url in Slack action configuration");

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  api_url: text.optional(),
  api_url_file: text.min(1).optional(),
  app_token: text.optional(),
  app_token_file: text.min(1).optional(),
  app_url: text.optional(),
  channel: text.default(""),
  username: text.default('{{ template "slack.default.username" . }}'),
  icon_emoji: text.default('{{ template "slack.default.iconemoji" . }}'),
  icon_url: text.default('{{ template "slack.default.iconurl" . }}'),
  link_names: z.boolean().optional(),
  message_text: text.default(""),
  color: text.default('{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'),
  title: text.default('{{ template "slack.default.title" . }}'),
  title_link: text.default('{{ template "slack.default.titlelink" . }}'),
  pretext: text.default('{{ template "slack.default.pretext" . }}'),
  text: text.default('{{ template "slack.default.text" . }}'),
  footer: text.default('{{ template "slack.default.footer" . }}'),
  fallback: text.default('{{ template "slack.default.fallback" . }}'),
  callback_id: text.default('{{ template "slack.default.callbackid" . }}'),
  image_url: text.default(""),
  thumb_url: text.default(""),
  mrkdwn_in: z.array(text).default(["fallback", "pretext", "text"]),
  short_fields: z.boolean().optional(),
  fields: z.array(field).default([]),
  actions: z.array(action).default([]),
  update_message: z.boolean().optional(),
  timeout: duration.optional(),
});

type Raw = z.infer<typeof schema>;

const POST_MESSAGE = "https://slack.com/api/chat.postMessage";
const TITLE_MAX = 1024;
const TEXT_MAX = 40_000;
const FIELD_MAX = 2000;
/** Groups whose message is remembered, to be updated. */
const GROUPS_MAX = 1000;
/** Errors of the Web API that are about the message; others may pass. */
const MESSAGE_ERRORS: ReadonlySet<unknown> = new Set([
  ...["msg_too_long", "no_text", "too_many_attachments", "invalid_attachments"],
  ...["invalid_arguments", "invalid_json", "json_not_object", "attachment_payload_limit_exceeded"],
]);

/** The message cannot be updated; the next attempt posts a new one. */
const GONE_ERRORS: ReadonlySet<unknown> = new Set([
  ...["message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"],
]);

export const slackKind: IntegrationKind<Raw> = {
  name: "slack",
  schema,
  read: (raw, reading) => {
    const { url, client } = readTarget(raw, reading);
    const bodyOf = readBody(raw, reading);
    /** By group: the message that an update goes to. It is forgotten with a restart or a reload. */
    const sent = new Map<string, Posted>();
    return {
      sendsResolved: raw.send_resolved ?? false,
      timeoutMs: raw.timeout || SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const body = bodyOf(withoutMarkup(notification), ports);
        const old = raw.update_message ? sent.get(notification.groupKey) : undefined;
        const request = { url: old === undefined ? url : updateUrl(url), client };
        const answer = await sendJson(ports, request, { ...body, ...old }, signal);
        if (raw.update_message) remember(sent, notification, answer);
        return slackAnswer(answer);
      },
    };
  },
};

type Posted = { readonly channel: string; readonly ts: string };

function updateUrl(url: string): string {
  return url.replace("chat.postMessage", "chat.update");
}

function remember(sent: Map<string, Posted>, notification: Notification, { text }: HttpAnswer) {
  const { groupKey } = notification;
  const { ok, error, channel, ts } = answerRecord(text);
  if (ok !== true) {
    if (GONE_ERRORS.has(error)) sent.delete(groupKey);
    return;
  }
  sent.delete(groupKey);
  if (!isFiring(notification) || typeof channel !== "string" || typeof ts !== "string") return;
  const [oldest] = sent.keys();
  if (oldest !== undefined && sent.size >= GROUPS_MAX) sent.delete(oldest);
  sent.set(groupKey, { channel, ts });
}

/** A webhook's answer is its status; the Web API answers 200 and says in the body what became of it. */
function slackAnswer(answer: HttpAnswer): SendAnswer {
  const { ok, error } = answerRecord(answer.text);
  if (answer.status !== 200 || ok !== false) return answerOf(answer);
  const outcome = MESSAGE_ERRORS.has(error) ? "rejected" : "retry";
  return { outcome, text: cutText(`200: ${error}`, 200), retryAfterMs: answer.retryAfterMs };
}

function readBody(raw: Raw, reading: Reading) {
  const { channel, username, icon_emoji, icon_url, message_text } = raw;
  const head = readTexts(reading, { channel, username, icon_emoji, icon_url, message_text });
  const { color, title, title_link, pretext, text, footer, fallback, callback_id } = raw;
  const { image_url, thumb_url, fields, actions } = raw;
  const attachment = readTexts(reading, {
    ...{ color, title, title_link, pretext, text, footer, fallback, callback_id },
    ...{ image_url, thumb_url, fields, actions },
  });
  return (...args: Parameters<typeof head>) => {
    const { message_text: outside, ...names } = head(...args);
    const shown = attachment(...args);
    return withoutEmpty({
      ...names,
      text: cutText(outside, TEXT_MAX),
      link_names: raw.link_names || undefined,
      attachments: [
        withoutEmpty({
          ...shown,
          title: cutText(shown.title, TITLE_MAX),
          text: cutText(shown.text, TEXT_MAX),
          pretext: cutText(shown.pretext, TEXT_MAX),
          fallback: cutText(shown.fallback, TEXT_MAX),
          fields: shown.fields.map((one) => fieldOf(one, raw.short_fields ?? false)),
          actions: shown.actions.map(actionOf),
          mrkdwn_in: raw.mrkdwn_in,
        }),
      ],
    });
  };
}

function fieldOf({ title, value, short }: Raw["fields"][number], isShort: boolean) {
  return {
    title: cutText(title, FIELD_MAX),
    value: cutText(value, FIELD_MAX),
    short: short ?? isShort,
  };
}

function actionOf({ confirm, ...rest }: Raw["actions"][number]) {
  return withoutEmpty({
    ...rest,
    confirm: confirm === undefined ? undefined : withoutEmpty(confirm),
  });
}

type Target = { readonly url: string; readonly client: HttpClientOptions };
type Access = Pick<Raw, "api_url" | "api_url_file" | "app_token" | "app_token_file">;

/** The entry's own access, or else the global one. */
function readTarget(raw: Raw, reading: Reading): Target {
  const client = readHttpConfig(raw.http_config, reading);
  const isOwn = hasUrl(raw) || hasToken(raw);
  const access = isOwn ? raw : globalAccess(reading.globals);
  const prefix = isOwn ? "" : "slack_";
  const token = readSecret(reading, access.app_token, access.app_token_file, `${prefix}app_token`);
  const url = readSecret(reading, access.api_url, access.api_url_file, `${prefix}api_url`);
  const appUrl = raw.app_url ?? reading.globals.slack_app_url ?? POST_MESSAGE;
  if (!hasUrl(access) && !hasToken(access)) {
    reading.report("no Slack API URL nor App token set either inline or in a file");
    return { url: "", client };
  }
  if (hasToken(access)) {
    if (hasUrl(access) && url !== appUrl) {
      reading.report("at most one of an App token and an API URL must be configured");
    }
    if (raw.http_config?.authorization !== undefined) {
      reading.report("http_config.authorization does not go with an App token");
    }
    const authorization = `Bearer ${token}`;
    return { url: checkedUrl(reading, appUrl, "app_url"), client: { ...client, authorization } };
  }
  if (raw.update_message && url !== POST_MESSAGE) {
    reading.report(
      "update_message can only be used with bot tokens. " +
        `api_url must be set to ${POST_MESSAGE}`,
    );
  }
  return { url: checkedUrl(reading, url, "api_url"), client };
}

function globalAccess(globals: Globals): Access {
  return {
    api_url: globals.slack_api_url,
    api_url_file: globals.slack_api_url_file,
    app_token: globals.slack_app_token,
    app_token_file: globals.slack_app_token_file,
  };
}

function hasUrl({ api_url: url, api_url_file: path }: Access): boolean {
  return Boolean(url) || path !== undefined;
}

function hasToken({ app_token: token, app_token_file: path }: Access): boolean {
  return Boolean(token) || path !== undefined;
}
