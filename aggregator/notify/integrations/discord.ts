/** A webhook of a Discord channel. */

import { z } from "zod";
import { isFiring } from "../message-parts.ts";
import { cutText } from "./cut-text.ts";
import { neededUrl, secretFields, templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson } from "./http-send.ts";
import { readFields, withoutEmpty, withoutMarkup } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

const TITLE_MAX = 256;
const MESSAGE_MAX = 4096;
const CONTENT_MAX = 2000;
const USERNAME_MAX = 80;
const RED = 0xd92d20;
const GREEN = 0x2e9e5b;

const texts = {
  title: templated("discord.default.title"),
  message: templated("discord.default.message"),
  content: templated("discord.default.content"),
  username: text,
  avatar_url: text,
};
const schema = z.strictObject({ ...httpFields, ...secretFields("webhook_url"), ...texts });

export const discordKind = httpKind({
  name: "discord",
  schema,
  perMinuteMax: 30,
  read(raw, reading, client) {
    const url = neededUrl(reading, raw, "webhook_url");
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const { title, message, content, username, avatar_url } = expand(
        withoutMarkup(notification),
        ports,
      );
      const embed = {
        title: cutText(title, TITLE_MAX),
        description: cutText(message, MESSAGE_MAX),
        color: isFiring(notification) ? RED : GREEN,
      };
      const body = {
        content: cutText(content, CONTENT_MAX),
        embeds: [embed],
        // A label's value with @everyone or <@id> in it must not call anybody.
        allowed_mentions: { parse: [] },
        ...withoutEmpty({ username: cutText(username, USERNAME_MAX), avatar_url }),
      };
      return answerOf(await sendJson(ports, { url, client }, body, signal));
    };
  },
});
