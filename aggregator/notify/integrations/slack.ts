/** Slack: incoming webhooks, and chat.postMessage with a token of an app. */

import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import type { HttpAnswer, HttpClientOptions } from "../../../shared/platform/http-client.ts";
import type { Notification } from "../../model/notification.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { isFiring } from "../message-parts.ts";
import { cutText } from "./cut-text.ts";
import {
  attachmentField,
  hasSecret,
  secretFields,
  secretOf,
  templated,
  text,
} from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson, withBearer } from "./http-send.ts";
import type { Reading } from "./integration.ts";
import { readFields, type Texts, withoutEmpty, withoutMarkup } from "./message-texts.ts";
import { answerRecord, bodyErrorAnswer } from "./send-answer.ts";

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

const confirmation = z.strictObject({
  text: z.string(),
  title: text,
  ok_text: text,
  dismiss_text: text,
});
const action = z
  .strictObject({
    type: z.string().min(1, "missing type in Slack action configuration"),
    text: z.string().min(1, "missing text in Slack action configuration"),
    url: text,
    name: text,
    value: text,
    style: text,
    confirm: confirmation.optional(),
  })
  .refine(({ url, name }) => url || name, "missing name or url in Slack action configuration");

const messageTexts = {
  channel: text,
  username: templated("slack.default.username"),
  icon_emoji: templated("slack.default.iconemoji"),
  icon_url: templated("slack.default.iconurl"),
  message_text: text,
};
const attachmentTexts = {
  color: z.string().default('{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'),
  title: templated("slack.default.title"),
  title_link: templated("slack.default.titlelink"),
  pretext: templated("slack.default.pretext"),
  text: templated("slack.default.text"),
  footer: templated("slack.default.footer"),
  fallback: templated("slack.default.fallback"),
  callback_id: templated("slack.default.callbackid"),
  image_url: text,
  thumb_url: text,
  fields: z.array(attachmentField).default([]),
  actions: z.array(action).default([]),
};
const schema = z.strictObject({
  ...httpFields,
  send_resolved: z.boolean().default(false),
  ...secretFields("api_url"),
  ...secretFields("app_token"),
  app_url: z.string().optional(),
  ...messageTexts,
  ...attachmentTexts,
  mrkdwn_in: z.array(z.string()).default(["fallback", "pretext", "text"]),
  short_fields: z.boolean().default(false),
  link_names: z.boolean().default(false),
  update_message: z.boolean().default(false),
  timeout: duration.optional(),
});

type Raw = z.infer<typeof schema>;

export const slackKind = httpKind({
  name: "slack",
  schema,
  read(raw, reading, own) {
    const { url, client } = readTarget(raw, reading, own);
    const bodyOf = readBody(raw, reading);
    /** By group: the message that an update goes to. It is forgotten with a restart or a reload. */
    const sent = new Map<string, Posted>();
    return async (notification, ports, signal) => {
      const body = bodyOf(withoutMarkup(notification), ports);
      const old = sent.get(notification.groupKey);
      const target = { url: old === undefined ? url : updateUrl(url), client };
      const answer = await sendJson(ports, target, { ...body, ...old }, signal);
      if (raw.update_message) remember(sent, notification, answer);
      return bodyErrorAnswer(answer, "ok", MESSAGE_ERRORS);
    };
  },
});

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

function readBody(raw: Raw, reading: Reading): Texts<object> {
  const expandMessage = readFields(reading, raw, messageTexts);
  const expandAttachment = readFields(reading, raw, attachmentTexts);
  return (notification, ports) => {
    const { message_text, ...message } = expandMessage(notification, ports);
    const shown = expandAttachment(notification, ports);
    const attachment = withoutEmpty({
      ...shown,
      title: cutText(shown.title, TITLE_MAX),
      text: cutText(shown.text, TEXT_MAX),
      pretext: cutText(shown.pretext, TEXT_MAX),
      fallback: cutText(shown.fallback, TEXT_MAX),
      fields: shown.fields.map((one) => fieldOf(one, raw.short_fields)),
      actions: shown.actions.map(actionOf),
      mrkdwn_in: raw.mrkdwn_in,
    });
    return withoutEmpty({
      ...message,
      text: cutText(message_text, TEXT_MAX),
      link_names: raw.link_names || undefined,
      attachments: [attachment],
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
  return withoutEmpty({ ...rest, confirm: confirm && withoutEmpty(confirm) });
}

type Target = { readonly url: string; readonly client: HttpClientOptions };

/** By the entry's own URL or token, or else by the global ones. */
function readTarget(raw: Raw, reading: Reading, client: HttpClientOptions): Target {
  const { globals, report } = reading;
  const isOwn = hasSecret(raw, "api_url") || hasSecret(raw, "app_token");
  const url = isOwn
    ? secretOf(reading, raw, "api_url")
    : secretOf(reading, globals, "slack_api_url");
  const token = isOwn
    ? secretOf(reading, raw, "app_token")
    : secretOf(reading, globals, "slack_app_token");
  if (token === "") return { url: readHookUrl(url, raw, reading), client };
  const appUrl = raw.app_url ?? globals.slack_app_url ?? POST_MESSAGE;
  if (url !== "" && url !== appUrl) {
    report("at most one of an App token and an API URL must be configured");
  }
  if (raw.http_config?.authorization !== undefined) {
    report("http_config.authorization does not go with an App token");
  }
  return {
    url: checkedUrl(reading, appUrl, "app_url"),
    client: withBearer(client, token, "app_token", reading),
  };
}

function readHookUrl(url: string, { update_message }: Raw, reading: Reading): string {
  if (url === "") {
    reading.report("no Slack API URL nor App token set either inline or in a file");
    return "";
  }
  if (update_message && url !== POST_MESSAGE) {
    reading.report(
      "update_message can only be used with bot tokens. " +
        `api_url must be set to ${POST_MESSAGE}`,
    );
  }
  return checkedUrl(reading, url, "api_url");
}
