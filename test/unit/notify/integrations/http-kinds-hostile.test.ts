import fc from "fast-check";
import { expect, test } from "vitest";
import { alertmanagerKind } from "../../../../aggregator/notify/integrations/alertmanager.ts";
import { incidentioKind } from "../../../../aggregator/notify/integrations/incidentio.ts";
import type { Sender } from "../../../../aggregator/notify/integrations/integration.ts";
import { jiraKind } from "../../../../aggregator/notify/integrations/jira.ts";
import { mattermostKind } from "../../../../aggregator/notify/integrations/mattermost.ts";
import { opsgenieKind } from "../../../../aggregator/notify/integrations/opsgenie.ts";
import { pagerdutyKind } from "../../../../aggregator/notify/integrations/pagerduty.ts";
import { rocketchatKind } from "../../../../aggregator/notify/integrations/rocketchat.ts";
import { slackKind } from "../../../../aggregator/notify/integrations/slack.ts";
import { snsKind } from "../../../../aggregator/notify/integrations/sns.ts";
import { victoropsKind } from "../../../../aggregator/notify/integrations/victorops.ts";
import { webexKind } from "../../../../aggregator/notify/integrations/webex.ts";
import { webhookKind } from "../../../../aggregator/notify/integrations/webhook.ts";
import { notificationOf, sendBy, senderOf } from "../../../support/receiver-kind.ts";

const VALUE = "{{ .CommonLabels.instance }}";
const sigv4 = { region: "r", access_key: "a", secret_key: "s" };
const bearer = { authorization: { credentials: "t" } };
const jira = { api_url: "https://j.test/rest/api/2", project: "P", issue_type: "Bug" };

/** Each kind with the value in the text that it shows, and where that is. */
const SENDERS: readonly (readonly [string, Sender])[] = [
  ["webhook", senderOf(webhookKind, { url: "https://w.test/" })],
  ["payload", senderOf(webhookKind, { url: "https://w.test/", payload: { text: VALUE } })],
  ["slack", senderOf(slackKind, { api_url: "https://s.test/", text: VALUE })],
  ["pagerduty", senderOf(pagerdutyKind, { routing_key: "k", description: VALUE })],
  ["opsgenie", senderOf(opsgenieKind, { api_key: "k", description: VALUE })],
  ["victorops", senderOf(victoropsKind, { api_key: "k", routing_key: "r", state_message: VALUE })],
  ["webex", senderOf(webexKind, { room_id: "r", message: VALUE, http_config: bearer })],
  ["rocketchat", senderOf(rocketchatKind, { token: "t", token_id: "i", text: VALUE })],
  ["mattermost", senderOf(mattermostKind, { webhook_url: "https://m.test/", text: VALUE })],
  ["incidentio", senderOf(incidentioKind, { url: "https://i.test/", alert_source_token: "t" })],
  ["jira", senderOf(jiraKind, { ...jira, description: VALUE })],
  [
    "jira 3",
    senderOf(jiraKind, { ...jira, api_url: "https://j.test/rest/api/3", description: VALUE }),
  ],
  ["sns", senderOf(snsKind, { topic_arn: "a", message: VALUE, sigv4 })],
  ["alertmanager", senderOf(alertmanagerKind, { urls: ["http://a.test"] })],
];

/** The structure of a body: its members' names, and what kinds of values they have. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shapeOf(one)]));
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

function parsed(body: string): unknown {
  return body.startsWith("{") || body.startsWith("[")
    ? JSON.parse(body)
    : Object.fromEntries(new URLSearchParams(body));
}

async function bodyWith(sender: Sender, instance: string) {
  const notification = notificationOf("firing", { alertname: "Down", instance });
  const { requests } = await sendBy(sender, notification, [{ text: '{"issues":[]}' }]);
  const last = requests.at(-1);
  return { url: last?.url, headers: last?.headers, body: parsed(String(last?.body)) };
}

const PIECES = [
  ...['"', "\\", "\n", "\r\n", "\u0000", "{{ .Status }}", "{{", "}}", "<script>", "&amp;", "&a=b"],
  ...["\u202e", "\u200f", '{"a":1}', "[1]", "%0d%0a", "+", "<!channel>", "@all", "[a](http://x)"],
  ...["😀", "é", "x".repeat(200), "__proto__", "=", "';--", "| toJson"],
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "grapheme" })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((pieces) => pieces.join("").trim())
  .filter((text) => text !== "" && !text.includes("\n"));

/** What takes markup apart is not a part of the value. */
const plain = (text: string) => text.replaceAll("\u200b", "");

test.each(SENDERS)("%s: a value is only ever a text in the body", async (_name, sender) => {
  const harmless = await bodyWith(sender, "a");
  await fc.assert(
    fc.asyncProperty(hostile, async (value) => {
      const { url, headers, body } = await bodyWith(sender, value);
      expect(url).toBe(harmless.url);
      expect(Object.keys(headers ?? {})).toEqual(Object.keys(harmless.headers ?? {}));
      expect(shapeOf(body)).toEqual(shapeOf(harmless.body));
      expect(textsIn(body).some((text) => plain(text).includes(plain(value)))).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test.each(SENDERS)("%s: a value of 10 kB is sent or cut", async (_name, sender) => {
  const { body } = await bodyWith(sender, "y".repeat(10_240));
  expect(textsIn(body).some((text) => text.includes("y".repeat(500)))).toBe(true);
});

test.each(SENDERS)("%s: a value's lines stay a text", async (_name, sender) => {
  const { body } = await bodyWith(sender, "a\r\nb: c\n\nd");
  expect(JSON.stringify(textsIn(body))).toContain("b: c");
});
