/** VictorOps (Splunk On-Call): its REST endpoint. */

import { z } from "zod";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { groupHash, isFiring } from "../message-parts.ts";
import {
  answerOf,
  cutBytes,
  joinUrl,
  readOwnOrGlobal,
  SEND_TIMEOUT_MS,
  sendJson,
} from "./http-send.ts";
import type { IntegrationKind } from "./integration.ts";
import { readTexts } from "./message-texts.ts";

const RESERVED = [
  ...["routing_key", "message_type", "state_message", "entity_display_name", "monitoring_tool"],
  ...["entity_id", "entity_state"],
];

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  api_key: z.string().optional(),
  api_key_file: z.string().min(1).optional(),
  api_url: z.string().optional(),
  routing_key: z.string().default(""),
  message_type: z.string().default("CRITICAL"),
  state_message: z.string().default('{{ template "victorops.default.state_message" . }}'),
  entity_display_name: z
    .string()
    .default('{{ template "victorops.default.entity_display_name" . }}'),
  monitoring_tool: z.string().default('{{ template "victorops.default.monitoring_tool" . }}'),
  custom_fields: z.record(z.string(), z.string()).default({}),
});

type Raw = z.infer<typeof schema>;

const API_URL = "https://alert.victorops.com/integrations/generic/20131114/alert/";
const STATE_MESSAGE_BYTES_MAX = 20_480;
const TYPES = ["CRITICAL", "WARNING", "INFO"];

export const victoropsKind: IntegrationKind<Raw> = {
  name: "victorops",
  schema,
  read: (raw, reading) => {
    if (raw.routing_key === "") reading.report("missing Routing key in VictorOps config");
    for (const name of Object.keys(raw.custom_fields)) {
      if (!RESERVED.includes(name)) continue;
      reading.report("a custom field must not have the name of a fixed one", [
        "custom_fields",
        name,
      ]);
    }
    const key = readOwnOrGlobal(reading, raw, "api_key", "victorops_api_key");
    if (key === "") reading.report("no global VictorOps API Key set either inline or in a file");
    const url = raw.api_url ?? reading.globals.victorops_api_url ?? API_URL;
    const base = checkedUrl(reading, url, "api_url");
    const client = readHttpConfig(raw.http_config, reading);
    const { routing_key, message_type, state_message, entity_display_name } = raw;
    const { monitoring_tool, custom_fields } = raw;
    const textsOf = readTexts(reading, {
      ...{ routing_key, message_type, state_message, entity_display_name },
      ...{ monitoring_tool, custom_fields },
    });
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        const texts = textsOf(notification, ports);
        const type = TYPES.includes(texts.message_type) ? texts.message_type : "CRITICAL";
        const body = {
          ...texts.custom_fields,
          message_type: isFiring(notification) ? type : "RECOVERY",
          entity_id: groupHash(notification),
          entity_display_name: texts.entity_display_name,
          state_message: cutBytes(texts.state_message, STATE_MESSAGE_BYTES_MAX),
          monitoring_tool: texts.monitoring_tool,
        };
        const path = [key, texts.routing_key].map(encodeURIComponent).join("/");
        const request = { url: joinUrl(base, path), client };
        return answerOf(await sendJson(ports, request, body, signal));
      },
    };
  },
};
