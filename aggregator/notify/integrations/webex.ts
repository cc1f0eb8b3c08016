/** Webex: a message to a room. */

import { z } from "zod";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { answerOf, cutBytes, SEND_TIMEOUT_MS, sendJson } from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  api_url: z.string().optional(),
  room_id: z.string().default(""),
  message: z.string().default('{{ template "webex.default.message" . }}'),
});

type Raw = z.infer<typeof schema>;

const API_URL = "https://webexapis.com/v1/messages";
const MESSAGE_BYTES_MAX = 7439;

export const webexKind: IntegrationKind<Raw> = {
  name: "webex",
  schema,
  read: (raw, reading) => {
    if (raw.room_id === "") reading.report("missing room_id on webex_config");
    const client = readHttpConfig(raw.http_config, reading);
    if (client.authorization === null) {
      reading.report("missing webex_configs.http_config.authorization");
    }
    const url = raw.api_url ?? reading.globals.webex_api_url ?? API_URL;
    const request = { url: checkedUrl(reading, url, "api_url"), client };
    const textsOf = readTexts(reading, { room_id: raw.room_id, message: raw.message });
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const { room_id: roomId, message } = textsOf(withoutMarkup(notification), ports);
        const body = { roomId, markdown: cutBytes(message, MESSAGE_BYTES_MAX) };
        return answerOf(await sendJson(ports, request, body, signal));
      },
    };
  },
};
