/** A message of a Telegram bot: `sendMessage` of the Bot API. */

import { z } from "zod";
import type { HttpAnswer } from "../../../shared/platform/http-client.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import { cutText, plainOfHtml } from "./cut-text.ts";
import { neededSecret, secretFields, templated } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { joinUrl, sendJson } from "./http-send.ts";
import type { Reading, SendAnswer } from "./integration.ts";
import { readHtml, readTexts, withoutMarkup } from "./message-texts.ts";
import { answerOf, answerRecord, recordOf, unclearAnswer } from "./send-answer.ts";

const URL_DEFAULT = "https://api.telegram.org";
const TEXT_MAX = 4096;

const schema = z.strictObject({
  ...httpFields,
  api_url: z.string().optional(),
  ...secretFields("bot_token"),
  chat_id: z.number().int().optional(),
  chat_id_file: z.string().min(1).optional(),
  message_thread_id: z.number().int().optional(),
  message: templated("telegram.default.message"),
  disable_notifications: z.boolean().default(false),
  parse_mode: z
    .enum(["Markdown", "MarkdownV2", "HTML", ""], {
      error:
        "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string",
    })
    .default("HTML"),
});

type Raw = z.infer<typeof schema>;

export const telegramKind = httpKind({
  name: "telegram",
  schema,
  perMinuteMax: 20, // of a bot in one group
  read(raw, reading, client) {
    const token = neededSecret(reading, raw, "bot_token", {
      global: "telegram_bot_token",
      missing: "missing bot_token or bot_token_file on telegram_config",
    });
    const chatId = readChatId(raw, reading);
    const base = raw.api_url || reading.globals.telegram_api_url || URL_DEFAULT;
    checkedUrl(reading, base, "api_url");
    const place = ["message"];
    const expand =
      raw.parse_mode === "HTML"
        ? readHtml(reading, raw.message, place)
        : readTexts(reading, raw.message, place);
    return async (notification, ports, signal) => {
      const body = {
        chat_id: chatId,
        ...(raw.message_thread_id ? { message_thread_id: raw.message_thread_id } : {}),
        ...fitting(expand(withoutMarkup(notification), ports), raw.parse_mode),
        disable_notification: raw.disable_notifications,
        link_preview_options: { is_disabled: true },
      };
      const url = joinUrl(base, `bot${token}/sendMessage`);
      return botAnswer(await sendJson(ports, { url, client }, body, signal));
    };
  },
});

/** As text: an id may have more digits than a number here is exact in. */
function readChatId({ chat_id: id = 0, chat_id_file: path }: Raw, reading: Reading): string {
  if (id === 0 && path === undefined) {
    reading.report("missing chat_id or chat_id_file on telegram_config");
  }
  const text = readSecret(reading, id === 0 ? "" : String(id), path, "chat_id");
  if (text !== "" && !/^-?\d{1,19}$/.test(text)) reading.report("chat_id must be a whole number");
  return text;
}

/** A text that is too long loses its format: where it is cut a tag would stay open. */
function fitting(message: string, mode: Raw["parse_mode"]) {
  const plain = mode === "HTML" ? plainOfHtml(message) : message;
  const cut = cutText(plain, TEXT_MAX);
  if (cut !== plain) return { text: cut };
  return mode === "" ? { text: message } : { text: message, parse_mode: mode };
}

function botAnswer(answer: HttpAnswer): SendAnswer {
  const { ok, description, parameters } = answerRecord(answer.text);
  if (ok === true) return answerOf(answer);
  if (typeof description !== "string") return unclearAnswer(answer);
  const { retry_after: seconds } = recordOf(parameters);
  const failed = unclearAnswer({ ...answer, text: description });
  return typeof seconds === "number" ? { ...failed, retryAfterMs: seconds * 1000 } : failed;
}
