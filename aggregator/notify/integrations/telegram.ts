/** A message of a Telegram bot: `sendMessage` of the Bot API. */

import { z } from "zod";
import type { HttpAnswer } from "../../../shared/platform/http-client.ts";
import { readHttpConfig } from "../config/http-config.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import {
  answerOf,
  answerRecord,
  cutText,
  joinUrl,
  readOwnOrGlobal,
  SEND_TIMEOUT_MS,
  sendJson,
} from "./http-send.ts";
import type { IntegrationKind, Reading, SendAnswer } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const URL_DEFAULT = "https://api.telegram.org";
const TEXT_MAX = 4096;
/** Of a bot in one group. */
const PER_MINUTE_MAX = 20;

const schema = z.strictObject({
  ...parts.sendFields,
  api_url: parts.text,
  bot_token: parts.text,
  bot_token_file: parts.file,
  chat_id: z.number().int().optional(),
  chat_id_file: parts.file,
  message_thread_id: z.number().int().optional(),
  message: z.string().default('{{ template "telegram.default.message" . }}'),
  disable_notifications: z.boolean().default(false),
  parse_mode: z
    .enum(["Markdown", "MarkdownV2", "HTML", ""], {
      error:
        "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string",
    })
    .default("HTML"),
});

type Raw = z.infer<typeof schema>;

export const telegramKind: IntegrationKind<Raw> = {
  name: "telegram",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    const base = raw.api_url || reading.globals.telegram_api_url || URL_DEFAULT;
    const token = readToken(raw, reading);
    const chatId = readChatId(raw, reading);
    const url = joinedUrl(checkedUrl(reading, base, "api_url"), `bot${token}/sendMessage`);
    const expand =
      raw.parse_mode === "HTML"
        ? parts.readHtml(reading, raw.message, "message")
        : readTexts(reading, raw.message, ["message"]);
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: PER_MINUTE_MAX,
      async send(notification, ports, signal) {
        const message = expand(withoutMarkup(notification), ports);
        const body = {
          chat_id: chatId,
          ...(raw.message_thread_id ? { message_thread_id: raw.message_thread_id } : {}),
          ...fitting(message, raw.parse_mode),
          disable_notification: raw.disable_notifications,
          link_preview_options: { is_disabled: true },
        };
        return botAnswer(await sendJson(ports, { url, client }, body, signal));
      },
    };
  },
};

function readToken(raw: Raw, reading: Reading): string {
  const { globals, report } = reading;
  const hasOwn = Boolean(raw.bot_token) || raw.bot_token_file !== undefined;
  // Of the global pair alone readOwnOrGlobal says it.
  if (hasOwn && globals.telegram_bot_token && globals.telegram_bot_token_file !== undefined) {
    report("at most one of telegram_bot_token & telegram_bot_token_file must be configured");
  }
  const hasGlobal = globals.telegram_bot_token || globals.telegram_bot_token_file !== undefined;
  if (!hasOwn && !hasGlobal) {
    report("missing bot_token or bot_token_file on telegram_config");
  }
  return readOwnOrGlobal(reading, raw, "bot_token", "telegram_bot_token");
}

/** As text: an id may have more digits than a number here is exact in. */
function readChatId({ chat_id: id = 0, chat_id_file: path }: Raw, reading: Reading): string {
  if (id === 0 && path === undefined) {
    reading.report("missing chat_id or chat_id_file on telegram_config");
  }
  const text = readSecret(reading, id === 0 ? "" : String(id), path, "chat_id");
  if (text !== "" && !/^-?\d{1,19}$/.test(text)) reading.report("chat_id must be a whole number");
  return text;
}

function joinedUrl(base: string, path: string): string {
  return URL.canParse(base) ? joinUrl(base, path) : base;
}

/** A text that is too long loses its format: where it is cut a tag would stay open. */
function fitting(message: string, mode: Raw["parse_mode"]) {
  const plain = mode === "HTML" ? parts.plainOfHtml(message) : message;
  if (plain.length > TEXT_MAX) return { text: cutText(plain, TEXT_MAX) };
  return mode === "" ? { text: message } : { text: message, parse_mode: mode };
}

function botAnswer(answer: HttpAnswer): SendAnswer {
  const { ok, description, parameters } = answerRecord(answer.text);
  if (ok === true) return answerOf(answer);
  if (typeof description !== "string") return parts.unclearAnswer(answer);
  const { retry_after: seconds }: { readonly retry_after?: unknown } = Object(parameters);
  const failed = answerOf({ ...answer, text: description });
  const outcome = failed.outcome === "delivered" ? "retry" : failed.outcome;
  const retryAfterMs = typeof seconds === "number" ? seconds * 1000 : failed.retryAfterMs;
  return { ...failed, outcome, retryAfterMs };
}
