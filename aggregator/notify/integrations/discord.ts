/** A webhook of a Discord channel. */

import { z } from "zod";
import { readHttpConfig } from "../config/http-config.ts";
import { isFiring } from "../message-parts.ts";
import { answerOf, cutText, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const TITLE_MAX = 256;
const MESSAGE_MAX = 4096;
const CONTENT_MAX = 2000;
const USERNAME_MAX = 80;
const PER_MINUTE_MAX = 30;
const RED = 0xd92d20;
const GREEN = 0x2e9e5b;

const schema = z.strictObject({
  ...parts.sendFields,
  webhook_url: parts.text,
  webhook_url_file: parts.file,
  title: z.string().default('{{ template "discord.default.title" . }}'),
  message: z.string().default('{{ template "discord.default.message" . }}'),
  content: z.string().default('{{ template "discord.default.content" . }}'),
  username: z.string().default(""),
  avatar_url: z.string().default(""),
});

type Raw = z.infer<typeof schema>;

export const discordKind: IntegrationKind<Raw> = {
  name: "discord",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    const url = parts.readNeededUrl(reading, raw, "webhook_url");
    const { title, message, content, username, avatar_url } = raw;
    const texts = { title, message, content, username, avatar_url };
    const expand = readTexts(reading, texts);
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: PER_MINUTE_MAX,
      async send(notification, ports, signal) {
        const body = bodyOf(expand(withoutMarkup(notification), ports), isFiring(notification));
        return answerOf(await sendJson(ports, { url, client }, body, signal));
      },
    };
  },
};

type Expanded = Readonly<
  Record<"title" | "message" | "content" | "username" | "avatar_url", string>
>;

function bodyOf({ title, message, content, ...from }: Expanded, fires: boolean) {
  return {
    content: cutText(content, CONTENT_MAX),
    embeds: [
      {
        title: cutText(title, TITLE_MAX),
        description: cutText(message, MESSAGE_MAX),
        color: fires ? RED : GREEN,
      },
    ],
    // A label's value with @everyone or <@id> in it must not call anybody.
    allowed_mentions: { parse: [] },
    ...(from.username === "" ? {} : { username: cutText(from.username, USERNAME_MAX) }),
    ...(from.avatar_url === "" ? {} : { avatar_url: from.avatar_url }),
  };
}
