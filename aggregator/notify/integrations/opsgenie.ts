/** Opsgenie's Alert API: an alert for each group, by its alias. */

import { z } from "zod";
import { labelsRecord } from "../../../shared/model/labels.ts";
import type { Notification } from "../../model/notification.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { commonLabels, groupHash, isFiring } from "../message-parts.ts";
import { cutText } from "./cut-text.ts";
import { neededSecret, secretFields, templated, text } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { joinUrl, sendJson } from "./http-send.ts";
import type { Reading } from "./integration.ts";
import { readFields, type Texts, withoutEmpty } from "./message-texts.ts";
import { answerOf, delivered } from "./send-answer.ts";

const URL_DEFAULT = "https://api.opsgenie.com/";
/** Characters, by Opsgenie's documentation of its fields. */
const MAX = { message: 130, description: 15_000, source: 100, note: 25_000, entity: 512 };
const LIST = { tags: { count: 20, max: 50 }, actions: { count: 10, max: 50 } };
const DETAILS_MAX = 8000;
const TEAMS = { count: 50, max: 500 };
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

const texts = {
  message: templated("opsgenie.default.message"),
  description: templated("opsgenie.default.description"),
  source: templated("opsgenie.default.source"),
  details: z.record(z.string(), z.string()).default({}),
  entity: text,
  responders: z.array(responder).default([]),
  actions: text,
  tags: text,
  note: text,
  priority: text,
};
const schema = z.strictObject({
  ...httpFields,
  ...secretFields("api_key"),
  api_url: z.string().optional(),
  ...texts,
  update_alerts: z.boolean().default(false),
});

type Raw = z.infer<typeof schema>;

export const opsgenieKind = httpKind({
  name: "opsgenie",
  schema,
  read(raw, reading, client) {
    const key = neededSecret(reading, raw, "api_key", {
      global: "opsgenie_api_key",
      missing: "no global OpsGenie API Key set either inline or in a file",
    });
    const url = raw.api_url ?? reading.globals.opsgenie_api_url ?? URL_DEFAULT;
    const base = checkedUrl(reading, url, "api_url");
    const requestsOf = readRequests(raw, reading);
    return async (notification, ports, signal) => {
      let last = delivered("nothing to send");
      for (const { path, method, body } of requestsOf(notification, ports)) {
        const headers = { authorization: `GenieKey ${key}` };
        const target = { method, url: joinUrl(base, path), headers, client };
        last = answerOf(await sendJson(ports, target, body, signal));
        if (last.outcome !== "delivered") break;
      }
      return last;
    };
  },
});

type Request = { readonly path: string; readonly method: "POST" | "PUT"; readonly body: object };

function readRequests(raw: Raw, reading: Reading): Texts<readonly Request[]> {
  const expand = readFields(reading, raw, texts);
  return (notification, ports) => {
    const expanded = expand(notification, ports);
    const alias = groupHash(notification);
    const pathOf = (part: string) => `v2/alerts/${alias}/${part}?identifierType=alias`;
    const source = cutText(expanded.source, MAX.source);
    if (!isFiring(notification)) {
      return [{ path: pathOf("close"), method: "POST", body: withoutEmpty({ source }) }];
    }
    const message = cutText(expanded.message, MAX.message);
    const description = cutText(expanded.description, MAX.description);
    const body = withoutEmpty({
      ...{ alias, message, description, source, priority: expanded.priority },
      details: detailsOf(notification, expanded.details),
      responders: expanded.responders.flatMap(respondersOf),
      tags: listOf(expanded.tags, LIST.tags),
      actions: listOf(expanded.actions, LIST.actions),
      note: cutText(expanded.note, MAX.note),
      entity: cutText(expanded.entity, MAX.entity),
    });
    const create: Request = { path: "v2/alerts", method: "POST", body };
    if (!raw.update_alerts) return [create];
    return [
      create,
      { path: pathOf("message"), method: "PUT", body: { message } },
      { path: pathOf("description"), method: "PUT", body: { description } },
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
    return listOf(name, TEAMS).map((team) => ({ name: team, type: "team" }));
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
