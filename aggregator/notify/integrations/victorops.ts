/** VictorOps (Splunk On-Call): its REST endpoint. */

import { z } from "zod";
import { checkedUrl } from "../config/read-secret.ts";
import { groupHash, isFiring } from "../message-parts.ts";
import { cutBytes } from "./cut-text.ts";
import { neededSecret, secretFields, templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { joinUrl, sendJson } from "./http-send.ts";
import { readFields } from "./message-texts.ts";
import { answerOf } from "./send-answer.ts";

const URL_DEFAULT = "https://alert.victorops.com/integrations/generic/20131114/alert/";
const STATE_MESSAGE_BYTES_MAX = 20_480;
const TYPES = ["CRITICAL", "WARNING", "INFO"];
/** Custom fields of these names would take the place of others. */
const RESERVED = [
  ...["routing_key", "message_type", "state_message", "entity_display_name", "monitoring_tool"],
  ...["entity_id", "entity_state"],
];

const texts = {
  routing_key: text,
  message_type: z.string().default("CRITICAL"),
  state_message: templated("victorops.default.state_message"),
  entity_display_name: templated("victorops.default.entity_display_name"),
  monitoring_tool: templated("victorops.default.monitoring_tool"),
  custom_fields: z.record(z.string(), z.string()).default({}),
};
const schema = z.strictObject({
  ...httpFields,
  ...secretFields("api_key"),
  api_url: z.string().optional(),
  ...texts,
});

export const victoropsKind = httpKind({
  name: "victorops",
  schema,
  read(raw, reading, client) {
    if (raw.routing_key === "") reading.report("missing Routing key in VictorOps config");
    for (const name of Object.keys(raw.custom_fields)) {
      if (!RESERVED.includes(name)) continue;
      const place = ["custom_fields", name];
      reading.report("a custom field must not have the name of a fixed one", place);
    }
    const key = neededSecret(reading, raw, "api_key", {
      global: "victorops_api_key",
      missing: "no global VictorOps API Key set either inline or in a file",
    });
    const url = raw.api_url ?? reading.globals.victorops_api_url ?? URL_DEFAULT;
    const base = checkedUrl(reading, url, "api_url");
    const expand = readFields(reading, raw, texts);
    return async (notification, ports, signal) => {
      const { routing_key, message_type, state_message, custom_fields, ...shown } = expand(
        notification,
        ports,
      );
      const type = TYPES.includes(message_type) ? message_type : "CRITICAL";
      const body = {
        ...custom_fields,
        ...shown,
        message_type: isFiring(notification) ? type : "RECOVERY",
        entity_id: groupHash(notification),
        state_message: cutBytes(state_message, STATE_MESSAGE_BYTES_MAX),
      };
      const path = [key, routing_key].map(encodeURIComponent).join("/");
      return answerOf(await sendJson(ports, { url: joinUrl(base, path), client }, body, signal));
    };
  },
});
