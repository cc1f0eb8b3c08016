import { expect, test } from "vitest";
import { INTEGRATION_KINDS } from "../../../../aggregator/notify/integrations/registry.ts";
import { notificationOf, portsOf } from "../../../support/receiver-kind.ts";
import { readConfig } from "./reading.ts";

function integrationOf(kind: string, entry: string) {
  const text = `route: { receiver: a }\nreceivers: [{ name: a, ${kind}_configs: [${entry}] }]`;
  const config = readConfig(text, { kinds: INTEGRATION_KINDS, compileTemplates: () => TEMPLATES });
  return config.receivers.get("a")?.integrations[0];
}

const TEMPLATES = { compile: (text: string) => () => text };

/** The request, with how it is made. */
async function sent(kind: string, entry: string): Promise<string> {
  const requests: string[] = [];
  const ports = portsOf(async ({ url, headers, body, client }) => {
    requests.push(url, JSON.stringify(headers), String(body), JSON.stringify(client));
    return { status: 200, text: '{"errcode":0,"access_token":"t"}', retryAfterMs: null };
  });
  await integrationOf(kind, entry)?.send(notificationOf(), ports, new AbortController().signal);
  return requests.join(" ");
}

const BASIC = Buffer.from("007:1.10").toString("base64");

test.each<[kind: string, entry: string, found: string]>([
  ["pagerduty", "{ routing_key: 0123 }", '"routing_key":"0123"'],
  ["opsgenie", "{ api_key: 0123 }", "GenieKey 0123"],
  ["opsgenie", "{ api_key: k, details: { version: 1.10 } }", '"version":"1.10"'],
  ["slack", "{ api_url: 'http://s', text: yes }", '"yes"'],
  ["slack", "{ api_url: 'http://s', fields: [{ title: 5, value: 1.0 }] }", '"value":"1.0"'],
  ["telegram", "{ bot_token: 5, chat_id: -100 }", "/bot5/"],
  ["telegram", "{ bot_token: 5, chat_id: -100 }", '"chat_id":"-100"'],
  ["pushover", "{ user_key: 0123, token: 4 }", "0123"],
  ["wechat", "{ api_secret: 1, corp_id: 2, agent_id: 3 }", "corpid=2&corpsecret=1"],
  [
    "webhook",
    "{ url: 'http://w', http_config: { basic_auth: { username: 007, password: 1.10 } } }",
    BASIC,
  ],
])("%s takes an unquoted text as it is written: %s", async (kind, entry, found) => {
  expect(await sent(kind, entry)).toContain(found);
});

test("flags and numbers keep their types, and what is empty is not set", () => {
  const entry = "{ url: 'http://w', send_resolved: no, max_alerts: 5, http_config: , timeout: 3s }";
  expect(integrationOf("webhook", entry)).toMatchObject({ sendsResolved: false, timeoutMs: 3000 });
});

test.each([
  ["webhook", "{ url: 'http://w', max_alerts: '5' }", "expected number, received string"],
  ["webhook", "{ url: 'http://w', send_resolved: 'yes' }", "expected boolean, received string"],
  ["telegram", "{ bot_token: t, chat_id: '-100' }", "expected number, received string"],
  ["webhook", "{ url: 'http://w', timeout: 5 }", 'Not a duration: "5"'],
  ["webhook", "{ url: ['http://w'] }", "expected string, received array"],
])("%s refuses what Go's YAML refuses: %s", (kind, entry, fault) => {
  expect(() => integrationOf(kind, entry)).toThrow(fault);
});
