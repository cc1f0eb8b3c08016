/** Opsgenie's Alert API: an alert for each group, by its alias. */

import { z } from "zod";
import { labelsRecord } from "../../../shared/model/labels.ts";
import type { Notification } from "../../model/notification.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { commonLabels, groupHash, isFiring } from "../message-parts.ts";
import {
  answerOf,
  cutText,
  joinUrl,
  readOwnOrGlobal,
  SEND_TIMEOUT_MS,
  sendJson,
} from "./http-send.ts";
import type { IntegrationKind, Reading } from "./integration.ts";
import { readTexts, type Texts, withoutEmpty } from "./message-texts.ts";

const text = z.string().default("");
const RESPONDER_TYPES = ["team", "teams", "user", "escalation", "schedule"];

const responder = z
  .strictObject({ id: text, name: text, username: text, type: text })
  .refine(
    ({ id, name, username }) => id !== "" || name !== "" || username !== "",
    "opsGenieConfig responder has to have at least one of id, username or name specified",
  )
  .refine(
    ({ type }) => type.includes("{{") || RESPONDER_TYPES.includes(type.toLowerCase()),
    `opsGenieConfig responder type must be one of ${RESPONDER_TYPES.join(", ")}`,
  );

const schema = z.strictObject({
  send_resolved: z.boolean().optional(),
  http_config: httpConfigSchema.optional(),
  api_key: z.string().optional(),
  api_key_file: z.string().min(1).optional(),
  api_url: z.string().optional(),
  message: z.string().default('{{ template "opsgenie.default.message" . }}'),
  description: z.string().default('{{ template "opsgenie.default.description" . }}'),
  source: z.string().default('{{ template "opsgenie.default.source" . }}'),
  details: z.record(z.string(), z.string()).default({}),
  entity: text,
  responders: z.array(responder).default([]),
  actions: text,
  tags: text,
  note: text,
  priority: text,
  update_alerts: z.boolean().optional(),
});

type Raw = z.infer<typeof schema>;

const API_URL = "https://api.opsgenie.com/";
/** Characters, by Opsgenie's documentation of its fields. */
const MAX = { message: 130, description: 15_000, source: 100, note: 25_000, entity: 512 };
const LIST = { tags: { count: 20, max: 50 }, actions: { count: 10, max: 50 } };
const DETAILS_MAX = 8000;

type Request = { readonly path: string; readonly method: "POST" | "PUT"; readonly body: object };

export const opsgenieKind: IntegrationKind<Raw> = {
  name: "opsgenie",
  schema,
  read: (raw, reading) => {
    const key = readOwnOrGlobal(reading, raw, "api_key", "opsgenie_api_key");
    if (key === "") {
      reading.report("no global OpsGenie API Key set either inline or in a file");
    }
    const url = raw.api_url ?? reading.globals.opsgenie_api_url ?? API_URL;
    const base = checkedUrl(reading, url, "api_url");
    const client = readHttpConfig(raw.http_config, reading);
    const requestsOf = readRequests(raw, reading);
    return {
      sendsResolved: raw.send_resolved ?? true,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: async (notification, ports, signal) => {
        let last = answerOf({ status: 200, text: "", retryAfterMs: null });
        for (const { path, method, body } of requestsOf(notification, ports)) {
          const headers = { authorization: `GenieKey ${key}` };
          const request = { method, url: joinUrl(base, path), headers, client };
          last = answerOf(await sendJson(ports, request, body, signal));
          if (last.outcome !== "delivered") return last;
        }
        return last;
      },
    };
  },
};

function readRequests(raw: Raw, reading: Reading): Texts<readonly Request[]> {
  const { message, description, source, details, entity, responders } = raw;
  const { actions, tags, note, priority } = raw;
  const textsOf = readTexts(reading, {
    ...{ message, description, source, details, entity, responders },
    ...{ actions, tags, note, priority },
  });
  return (notification, ports) => {
    const texts = textsOf(notification, ports);
    const alias = groupHash(notification);
    const of = (part: string): Pick<Request, "path"> => ({
      path: `v2/alerts/${alias}/${part}?identifierType=alias`,
    });
    const isNew = isFiring(notification);
    const source = cutText(texts.source, MAX.source);
    if (!isNew) return [{ ...of("close"), method: "POST", body: withoutEmpty({ source }) }];
    const message = cutText(texts.message, MAX.message);
    const description = cutText(texts.description, MAX.description);
    const body = withoutEmpty({
      ...{ alias, message, description, source },
      details: detailsOf(notification, texts.details),
      responders: texts.responders.flatMap(respondersOf),
      tags: listOf(texts.tags, LIST.tags),
      actions: listOf(texts.actions, LIST.actions),
      note: cutText(texts.note, MAX.note),
      entity: cutText(texts.entity, MAX.entity),
      priority: texts.priority,
    });
    const create: Request = { path: "v2/alerts", method: "POST", body };
    if (!raw.update_alerts) return [create];
    return [
      create,
      { ...of("message"), method: "PUT", body: { message } },
      { ...of("description"), method: "PUT", body: { description } },
    ];
  };
}

/** The labels that all alerts have, and over them what the user adds. */
function detailsOf({ alerts }: Notification, added: Readonly<Record<string, string>>) {
  const labels = labelsRecord(commonLabels(alerts.map((alert) => alert.labels)));
  const details: [string, string][] = [];
  let left = DETAILS_MAX;
  for (const [name, value] of Object.entries({ ...labels, ...added })) {
    const shown = cutText(value, Math.max(1, left - name.length));
    left -= name.length + shown.length;
    if (left < 0) break;
    details.push([name, shown]);
  }
  return Object.fromEntries(details);
}

function respondersOf({ id, name, username, type }: Raw["responders"][number]): object[] {
  const kind = type.toLowerCase();
  if (kind === "teams") {
    return listOf(name, { count: 50, max: 500 }).map((team) => ({ name: team, type: "team" }));
  }
  const one = withoutEmpty({ id, name, username });
  return Object.keys(one).length === 0 ? [] : [{ ...one, type: kind }];
}

function listOf(text: string, { count, max }: { readonly count: number; readonly max: number }) {
  const items = text.split(",").map((item) => item.trim());
  return items
    .filter((item) => item !== "")
    .slice(0, count)
    .map((item) => cutText(item, max));
}
