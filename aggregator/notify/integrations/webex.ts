/** Webex: a message to a room. */

import { z } from "zod";
import { checkedUrl } from "../config/read-secret.ts";
import { cutBytes } from "./cut-text.ts";
import { templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { sendJson } from "./http-send.ts";
import { readFields, withoutMarkup } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

const URL_DEFAULT = "https://webexapis.com/v1/messages";
const MESSAGE_BYTES_MAX = 7439;

const texts = { room_id: text, message: templated("webex.default.message") };
const schema = z.strictObject({ ...httpFields, api_url: z.string().optional(), ...texts });

export const webexKind = httpKind({
  name: "webex",
  schema,
  read(raw, reading, client) {
    if (raw.room_id === "") reading.report("missing room_id on webex_config");
    if (client.authorization === null) {
      reading.report("missing webex_configs.http_config.authorization");
    }
    const base = raw.api_url ?? reading.globals.webex_api_url ?? URL_DEFAULT;
    const url = checkedUrl(reading, base, "api_url");
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const { room_id: roomId, message } = expand(withoutMarkup(notification), ports);
      const body = { roomId, markdown: cutBytes(message, MESSAGE_BYTES_MAX) };
      return answerOf(await sendJson(ports, { url, client }, body, signal));
    };
  },
});
