import { expect, test } from "vitest";
import type { TestAnswer } from "../../../aggregator/model/notification.ts";
import { INTEGRATION_KINDS } from "../../../aggregator/notify/integrations/registry.ts";
import { compileTemplates } from "../../../aggregator/notify/templates/notify-templates.ts";
import {
  previewMessages,
  previewRoute,
  receiverOf,
  testReceiver,
} from "../../../aggregator/notify/try-receivers.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { portsOf } from "../../support/receiver-kind.ts";
import { readConfig } from "./config/reading.ts";

const FILES = new Map([
  ["token", "S3CRET-of-a-file\n"],
  ["url", "https://files.example/S3CRET\n"],
]);

/** One entry of every kind, whose secrets all hold `S3CRET`; some kinds in all their forms. */
const ENTRIES = `
alertmanager: { urls: ["http://am.example/S3CRET"], http_config: { basic_auth: { username: u, password: S3CRET } } }
dingtalk: { access_token: S3CRET, secret: S3CRET }
discord: { webhook_url: "https://discord.example/S3CRET" }
email: { to: a@example.org, from: b@example.org, smarthost: "mx.example:587", auth_username: u, auth_password: S3CRET, headers: { X-Token: S3CRET } }
feishu: { url: "https://feishu.example/S3CRET", secret: S3CRET }
incidentio: { url: "https://incident.example/x", alert_source_token: S3CRET }
jira: { api_url: "https://jira.example/rest/api/2", project: P, issue_type: Bug, http_config: { authorization: { credentials: S3CRET } } }
mattermost: { webhook_url_file: url }
msteams: { webhook_url: "https://teams.example/S3CRET" }
msteamsv2: { webhook_url: "https://teams.example/?sig=S3CRET" }
ntfy: { topic: t, token: S3CRET }
opsgenie: { api_key: S3CRET }
pagerduty: { routing_key: S3CRET, details: { api_token: S3CRET } }
pagerduty: { service_key_file: token }
pushover: { user_key: S3CRET, token_file: token }
rocketchat: { token: S3CRET, token_id: S3CRET, channel: c }
slack: { app_token: S3CRET, channel: c, actions: [{ type: button, text: x, url: "https://u:S3CRET@x.example/" }] }
sms: { provider: http, url: "https://sms.example/", form: { apikey: S3CRET, u: S3CRET, text: "{{ .CommonLabels.alertname }}" } }
sms: { provider: http, url: "https://sms.example/", json: { any: [S3CRET], text: "{{ .CommonLabels.alertname }}" } }
sms: { provider: aliyun, to: ["+14155550100"], access_key_id: S3CRET, access_key_secret: S3CRET, sign_name: n, template_code: t }
sms: { provider: tencent, to: ["+14155550100"], secret_id: S3CRET, secret_key: S3CRET, sdk_app_id: a, sign_name: n, template_id: t }
sms: { provider: twilio, to: ["+14155550100"], account_sid: S3CRET, auth_token: S3CRET, from: "+1" }
sns: { topic_arn: "arn:t", sigv4: { region: r-1, access_key: S3CRET, secret_key: S3CRET } }
telegram: { bot_token: S3CRET, chat_id: 1 }
victorops: { api_key: S3CRET, routing_key: S3CRET }
webex: { room_id: r, http_config: { authorization: { credentials: S3CRET } } }
webhook: { url_file: url }
webhook: { url: "https://u:S3CRET@hook.example:8443/S3CRET?a=S3CRET", payload: { name: "{{ .CommonLabels.alertname }}", password: S3CRET, nested: [{ xToken: S3CRET, url: "http://x/S3CRET" }] } }
wechat: { api_secret: S3CRET, corp_id: c }
wecom: { key: S3CRET }
`;

function configOf(kinds: string) {
  const lines = kinds.trim().split("\n");
  const receivers = lines.map((line, i) => {
    const [kind = "", entry] = line.split(/: (.*)/s);
    return `  - { name: r${i}-${kind}, ${kind}_configs: [${entry}] }`;
  });
  const text = `route: { receiver: r0-${lines[0]?.split(":")[0]} }\nreceivers:\n${receivers.join("\n")}\n`;
  const readText = (path: string) => {
    const found = FILES.get(path.split("/").at(-1) ?? "");
    if (found === undefined) throw new OperationalError("CONFIG", `${path} is not there`);
    return found;
  };
  return readConfig(text, { kinds: INTEGRATION_KINDS, compileTemplates, readText });
}

const LABELS = labelsOf({ alertname: "DiskFull", instance: "db1" });
const PORTS = portsOf(() => Promise.reject(new Error("nothing is sent")));

const preview = (name: string, config = configOf(ENTRIES)) =>
  previewMessages(receiverOf(config, name), LABELS, config.root, PORTS);

test("a message of every kind is previewed, and none shows a secret", async () => {
  const config = configOf(ENTRIES);
  const kinds = new Set(
    [...config.receivers.keys()].map((name) => `${name.split("-")[1]}_configs`),
  );
  expect([...INTEGRATION_KINDS.keys()].filter((key) => !kinds.has(key))).toEqual([]);
  for (const name of config.receivers.keys()) {
    const messages = await preview(name, config);
    expect([name, JSON.stringify(messages)]).toEqual([name, expect.not.stringContaining("S3CRET")]);
    expect([name, messages.map(({ fault }) => fault)]).toEqual([name, messages.map(() => "")]);
    expect([name, messages.at(-1)?.body]).toEqual([name, expect.stringContaining("DiskFull")]);
    expect([name, messages.at(-1)?.host]).toEqual([name, expect.stringMatching(/^[\w.:-]+$/)]);
  }
});

test("a preview leaves the integration that sends as it is", async () => {
  const config = configOf("wechat: { api_secret: S3CRET, corp_id: c }");
  const receiver = receiverOf(config, "r0-wechat");
  expect((await preview("r0-wechat", config)).map(({ method }) => method)).toEqual(["GET", "POST"]);
  const urls: string[] = [];
  const ports = portsOf(async ({ url }) => {
    urls.push(url);
    return { status: 200, text: "{}", retryAfterMs: null };
  });
  await testReceiver(receiver, "", { ports, clock: new FakeClock() });
  expect(urls).toEqual([expect.stringContaining("gettoken?corpid=c&corpsecret=S3CRET")]);
});

test("a mail is previewed as its headers and its text", async () => {
  const entry = '{ to: "Ann <a@example.org>", from: b@example.org, smarthost: "mx.example:587" }';
  const [mail] = await preview("r0-email", configOf(`email: ${entry}`));
  expect(mail).toMatchObject({ method: "MAIL", host: "mx.example:587" });
  expect(mail?.body).toMatch(/^subject: .*DiskFull/m);
  expect(mail?.body).toMatch(/^to: Ann <a@example.org>$/m);
});

test("a message that cannot be made says why", async () => {
  const entry = `{ url: "https://x/", payload: { a: '{{ reReplaceAll "(" "" .Status }}' } }`;
  expect(await preview("r0-webhook", configOf(`webhook: ${entry}`))).toMatchObject([
    { integration: "webhook[0]", body: "", fault: expect.stringContaining("regular expression") },
  ]);
});

test("a test goes through all integrations at once, and each answer is reported", async () => {
  const clock = new FakeClock();
  const names = ["good", "bad", "busy", "away", "hanging"];
  const integrations = names.map((name, i) =>
    hook(`ops ${i}`, { timeoutMs: 5000 }, `http://${name}/`),
  );
  const bodies: string[] = [];
  const ports = portsOf(async ({ url, body }) => {
    bodies.push(String(body));
    const answers = new Map([
      ["good", 200],
      ["bad", 400],
      ["busy", 503],
    ]);
    const { host } = new URL(url);
    if (host === "away") throw new OperationalError("UNAVAILABLE", "away: connection refused");
    if (host === "hanging") await new Promise(() => {});
    return { status: answers.get(host) ?? 500, text: "said", retryAfterMs: null };
  });
  let answers: readonly TestAnswer[] = [];
  const run = testReceiver({ name: "ops", integrations }, "ann", { ports, clock });
  void run.then((all) => {
    answers = all;
  });
  await settle();
  expect(bodies.length).toBe(5);
  await clock.advance(5000);
  expect(answers).toEqual([
    { integration: "hook[0]", outcome: "delivered", answer: "200: said", tookMs: 0 },
    { integration: "hook[1]", outcome: "rejected", answer: "400: said", tookMs: 0 },
    { integration: "hook[2]", outcome: "failed", answer: "503: said", tookMs: 0 },
    { integration: "hook[3]", outcome: "failed", answer: "away: connection refused", tookMs: 0 },
    { integration: "hook[4]", outcome: "failed", answer: "No answer within 5000 ms", tookMs: 5000 },
  ]);
  expect(bodies[0]).toContain("TelltaleTest");
  expect(bodies[0]).toContain("this is a test notification");
  expect(bodies[0]).toContain("Asked for by ann with: telltale notify test ops");
});

test("a receiver that is not there is reported", () => {
  expect(() => receiverOf(null, "x")).toThrow('There is no receiver "x" in the routing file');
  const config = routing(route(), [hook("ops")]);
  expect(() => receiverOf(config, "other")).toThrow('There is no receiver "other"');
});

test("a route is previewed with its group, its times and whom it escalates to", () => {
  const escalations = [{ afterMs: 60_000, receiver: "boss" }];
  const config = routing(route({ groupBy: ["alertname"], escalations }), [
    hook("ops 0"),
    hook("ops 1"),
  ]);
  expect(previewRoute(config.root, LABELS, config, ["nights"])).toEqual({
    key: "{}",
    receiver: "ops",
    integrations: ["hook[0]", "hook[1]"],
    groupLabels: ["alertname", "DiskFull"],
    groupWaitMs: 0,
    groupIntervalMs: 1000,
    repeatIntervalMs: 14_400_000,
    mutedBy: ["nights"],
    escalations,
  });
});
