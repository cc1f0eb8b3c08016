import fc from "fast-check";
import { expect, test } from "vitest";
import type { Notification } from "../../../../aggregator/model/notification.ts";
import type { Integration } from "../../../../aggregator/notify/integrations/integration.ts";
import { INTEGRATION_KINDS } from "../../../../aggregator/notify/integrations/registry.ts";
import { compileTemplates } from "../../../../aggregator/notify/templates/notify-templates.ts";
import { labelsOf } from "../../../../shared/model/labels.ts";
import type { HttpRequest } from "../../../../shared/platform/http-client.ts";
import type { Mail } from "../../../../shared/platform/send-mail.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { AT_MS } from "../../../support/receiver-kind.ts";
import { readConfig } from "../config/reading.ts";

const BEARER = "http_config: { authorization: { credentials: t } }";
const SIGV4 = "sigv4: { region: r, access_key: a, secret_key: s }";
const JIRA = "project: P, issue_type: Bug";
const SMTP = "smarthost: 'mail.test:25', from: a@b.test, send_resolved: true";

/** Entries with the default texts, and the bytes that a message of each is at most. */
const CASES: readonly (readonly [kind: string, entry: string, bytesMax: number])[] = [
  ["alertmanager", "{ urls: ['http://a.test'] }", 1_000_000],
  ["dingtalk", "{ access_token: a }", 20_000],
  ["dingtalk", "{ access_token: a, message_type: text }", 20_000],
  ["discord", "{ webhook_url: 'https://d.test/x' }", 40_000],
  ["email", `{ to: ops@b.test, ${SMTP} }`, 1_000_000],
  ["feishu", "{ url: 'https://f.test' }", 20_000],
  ["feishu", "{ url: 'https://f.test', message_type: text }", 20_000],
  ["incidentio", "{ url: 'https://i.test/', alert_source_token: t }", 512_000],
  ["jira", `{ api_url: 'https://j.test/rest/api/2', ${JIRA} }`, 200_000],
  ["jira", `{ api_url: 'https://j.test/rest/api/3', ${JIRA} }`, 200_000],
  ["mattermost", "{ webhook_url: 'https://m.test/x' }", 200_000],
  ["msteams", "{ webhook_url: 'https://m.test/x' }", 28_000],
  ["msteamsv2", "{ webhook_url: 'https://m.test/x' }", 28_000],
  ["ntfy", "{ topic: t }", 30_000],
  ["opsgenie", "{ api_key: k }", 200_000],
  ["pagerduty", "{ routing_key: k }", 512_000],
  ["pagerduty", "{ service_key: k }", 512_000],
  ["pushover", "{ user_key: u, token: t }", 20_000],
  ["pushover", "{ user_key: u, token: t, html: true }", 20_000],
  ["rocketchat", "{ token: t, token_id: i }", 200_000],
  ["slack", "{ api_url: 'https://s.test/' }", 300_000],
  [
    "sms",
    "{ provider: http, url: 'https://x.test', json: { text: '{{ .CommonLabels }}' } }",
    5_000,
  ],
  ["sns", `{ topic_arn: a, ${SIGV4} }`, 1_000_000],
  ["telegram", "{ bot_token: '1:t', chat_id: -100 }", 40_000],
  ["victorops", "{ api_key: k, routing_key: r }", 200_000],
  ["webex", `{ room_id: r, ${BEARER} }`, 50_000],
  ["webhook", "{ url: 'https://w.test/' }", 1_000_000],
  ["wechat", "{ api_secret: s, corp_id: c, to_user: '@all', agent_id: '1' }", 10_000],
  ["wecom", "{ key: k }", 20_000],
  ["wecom", "{ key: k, message_type: text }", 20_000],
];

test("every kind is here", () => {
  const kinds = new Set(CASES.map(([kind]) => `${kind}_configs`));
  expect([...kinds].sort()).toEqual([...INTEGRATION_KINDS.keys()].sort());
});

function integrationOf(kind: string, entry: string): Integration {
  const text = `route: { receiver: ops }\nreceivers: [{ name: ops, ${kind}_configs: [${entry}] }]`;
  const deps = { kinds: INTEGRATION_KINDS, compileTemplates: () => compileTemplates([]) };
  const integration = readConfig(text, deps).receivers.get("ops")?.integrations[0];
  if (integration === undefined) throw new Error(`${kind} was not read`);
  return integration;
}

type Sent = { readonly requests: HttpRequest[]; readonly mails: Mail[] };

async function send(integration: Integration, notification: Notification): Promise<Sent> {
  const sent: Sent = { requests: [], mails: [] };
  const ports = {
    request: async (request: HttpRequest) => {
      sent.requests.push(request);
      const text = '{"errcode":0,"access_token":"token","expires_in":7200,"issues":[]}';
      return { status: 200, text, retryAfterMs: null };
    },
    mail: async (mail: Mail) => {
      sent.mails.push(mail);
      return "250 queued";
    },
    clock: new FakeClock(AT_MS),
    externalUrl: "http://telltale:7071",
  };
  await integration.send(notification, ports, new AbortController().signal);
  return sent;
}

/** Two alerts, one of them over, with the value in labels, annotations and what groups them. */
function notificationWith(value: string, isFiring: boolean): Notification {
  const alert = (instance: string, status: "firing" | "resolved") => ({
    status,
    labels: labelsOf({ alertname: "Down", instance, service: value, severity: value }),
    annotations: labelsOf({ summary: value, description: value, runbook_url: value }),
    startsAtMs: AT_MS,
    endsAtMs: status === "resolved" ? AT_MS + 60_000 : null,
    generatorUrl: "http://telltale:7071/graph?g0.expr=up",
  });
  return {
    timeMs: AT_MS,
    groupKey: `{}:{service=${JSON.stringify(value)}}`,
    groupLabels: labelsOf({ alertname: "Down", service: value }),
    alerts: [alert("a", isFiring ? "firing" : "resolved"), alert("b", "resolved")],
  };
}

function parsedBody({ headers, body }: HttpRequest): unknown {
  const isForm = headers["content-type"]?.includes("form-urlencoded") ?? false;
  if (isForm) return Object.fromEntries(new URLSearchParams(String(body)));
  return body === undefined || body === null || body === "" ? null : JSON.parse(String(body));
}

/** Which members there are anywhere in it; how many there are of a list does not count. */
function membersOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => membersOf(one, `${path}[]`));
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([name, one]) => membersOf(one, `${path}.${name}`));
}

function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

function textsSent({ requests, mails }: Sent): string[] {
  return [
    ...requests.flatMap((request) => textsOf(parsedBody(request))),
    ...mails.flatMap(({ headers, text, html }) => [...headers.map(([, one]) => one), text, html]),
  ];
}

const PIECES = [
  ...["<script>alert(1)</script>", "<img src=x onerror=y>", "</b>", "&amp;", "'", '"', "\\"],
  ...["\n", "\r\nBcc: x@evil.test\r\n\r\n", "\t", "\u0000", "\u0007", "\u001b[31m", "\u2028"],
  ...['{{ printf "CAN" }}ARY', "{{ .ExternalURL", "}}", "{{ template", "$(x)", "%0d%0a", "%s"],
  ...["\u202e", "\u200f", "\u2066", "😀", "👩‍👩‍👧‍👦", "é", "中", "e\u0301"],
  ...['"},"x":{"', "]]>", "'; DROP", "&a=b", "+", "__proto__", "a", "b", " "],
  ...["<!channel>", "<@U1>", "@everyone", "[a](http://evil.test)", "<at id=all></at>"],
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "grapheme" })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((pieces) => pieces.join(""));
const long = fc.constantFrom(...PIECES, "x").map((one) => one.repeat(10_240 / one.length));

/** Where `<!channel>`, `<@U1>` or `<at …>` would call people. */
const CHATS = /^(slack|discord|feishu|rocketchat|mattermost|wecom)$/;
const OWN_TAG = /<\/?(?:b|strong|i|em|u|s|code|pre|font|a)\b[^<>]*>/g;

/** Texts that the receiver reads as HTML. */
function htmlTexts({ requests }: Sent): string[] {
  return requests.flatMap((request) => {
    const { parse_mode, html, text, message } = Object(parsedBody(request));
    return parse_mode === "HTML" || html === "1" ? [String(text ?? message)] : [];
  });
}

function checkTexts(kind: string, sent: Sent): void {
  for (const text of textsSent(sent)) {
    expect(text).not.toContain("CANARY");
    expect(text).not.toMatch(/\p{Surrogate}/u);
    if (CHATS.test(kind)) expect(text).not.toMatch(/<!channel>|<@U1>|<at id/);
  }
  for (const text of htmlTexts(sent)) expect(text.replace(OWN_TAG, "")).not.toContain("<");
  for (const { html } of sent.mails) expect(html).not.toMatch(/<script|<img src=x/);
}

function checkRequests(sent: Sent, usual: Sent, bytesMax: number): void {
  expect(sent.requests.length).toBe(usual.requests.length);
  for (const [i, request] of sent.requests.entries()) {
    expect(new URL(request.url).host).toBe(new URL(usual.requests[i]?.url ?? "").host);
    expect(Object.keys(request.headers)).toEqual(Object.keys(usual.requests[i]?.headers ?? {}));
    for (const value of Object.values(request.headers)) expect(value).not.toMatch(/[\r\n\0]/);
    const known = new Set(membersOf(parsedBody(usual.requests[i] as HttpRequest)));
    expect(membersOf(parsedBody(request)).filter((one) => !known.has(one))).toEqual([]);
    expect(Buffer.byteLength(String(request.body ?? ""))).toBeLessThanOrEqual(bytesMax);
  }
  expect(sent.mails.map(({ to, from }) => [from, to])).toEqual(
    usual.mails.map(({ to, from }) => [from, to]),
  );
  for (const { headers, text, html } of sent.mails) {
    expect(headers.map(([name]) => name)).toEqual(usual.mails[0]?.headers.map(([name]) => name));
    expect(Buffer.byteLength(text + html)).toBeLessThanOrEqual(bytesMax);
  }
}

test.each(CASES)("%s %s: what comes from outside is text and no more", async (...args) => {
  const [kind, entry, bytesMax] = args;
  const integration = integrationOf(kind, entry);
  await send(integration, notificationWith("value", true)); // some get a token first
  const usual = {
    firing: await send(integration, notificationWith("value", true)),
    resolved: await send(integration, notificationWith("value", false)),
  };
  expect(textsSent(usual.firing).join(" ")).toContain("value");
  await fc.assert(
    fc.asyncProperty(
      fc.oneof({ weight: 4, arbitrary: hostile }, long),
      fc.boolean(),
      async (value, isFiring) => {
        const sent = await send(integration, notificationWith(value, isFiring));
        checkRequests(sent, isFiring ? usual.firing : usual.resolved, bytesMax);
        checkTexts(kind, sent);
      },
    ),
    { numRuns: 40 },
  );
});

test.each(CASES)(
  "%s %s: a text that is not valid Unicode is sent all the same",
  async (kind, entry) => {
    const sent = await send(integrationOf(kind, entry), notificationWith("a\ud800b", true));
    expect(textsSent(sent).join(" ")).toContain("Down");
  },
);
