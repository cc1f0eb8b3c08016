import { expect, test } from "vitest";
import type { Notification } from "../../../../aggregator/model/notification.ts";
import { alertmanagerKind } from "../../../../aggregator/notify/integrations/alertmanager.ts";
import { incidentioKind } from "../../../../aggregator/notify/integrations/incidentio.ts";
import type { RequestFn } from "../../../../aggregator/notify/integrations/integration.ts";
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
import { FakeClock } from "../../../support/fake-clock.ts";
import {
  AT_MS,
  bodyBy,
  notificationOf,
  portsOf,
  readKind,
  sendBy,
  senderOf,
} from "../../../support/receiver-kind.ts";

const KINDS = {
  ...{ alertmanager: alertmanagerKind, incidentio: incidentioKind, jira: jiraKind },
  ...{ mattermost: mattermostKind, opsgenie: opsgenieKind, pagerduty: pagerdutyKind },
  ...{ rocketchat: rocketchatKind, slack: slackKind, sns: snsKind },
  ...{ victorops: victoropsKind, webex: webexKind, webhook: webhookKind },
};
type Name = keyof typeof KINDS;

/** The shortest entry of each kind that is good. */
const GOOD: Readonly<Record<Name, object>> = {
  alertmanager: { urls: ["http://a.test:9093"] },
  incidentio: { url: "https://i.test/x", alert_source_token: "t" },
  jira: { api_url: "https://j.test/rest/api/2", project: "P", issue_type: "Bug" },
  mattermost: { webhook_url: "https://m.test/hooks/x" },
  opsgenie: { api_key: "k" },
  pagerduty: { routing_key: "k" },
  rocketchat: { token: "t", token_id: "i" },
  slack: { api_url: "https://s.test/x" },
  sns: { topic_arn: "arn", sigv4: { region: "r", access_key: "a", secret_key: "s" } },
  victorops: { api_key: "k", routing_key: "r" },
  webex: { room_id: "r", http_config: { authorization: { credentials: "t" } } },
  webhook: { url: "https://w.test/" },
};
const NAMES = Object.keys(GOOD) as Name[];

const faultsOf = (name: Name, entry: unknown, around = {}) =>
  readKind(KINDS[name] as typeof webhookKind, entry, around).faults;
const goodOf = (name: Name, more = {}, around = {}) =>
  senderOf(KINDS[name] as typeof webhookKind, { ...GOOD[name], ...more }, around);

test.each(NAMES)("%s: what is needed is enough, and no key is left unknown", (name) => {
  const sender = goodOf(name);
  expect(KINDS[name].name).toBe(name);
  expect(sender.sendsResolved).toBe(name !== "slack" && name !== "rocketchat");
  expect(sender).toMatchObject({ timeoutMs: 10_000, perMinuteMax: null });
  expect(goodOf(name, { send_resolved: true }).sendsResolved).toBe(true);
  expect(KINDS[name].schema.safeParse({ ...GOOD[name], unknown: 1 }).success).toBe(false);
});

test.each([
  ["slack", {}, {}, "no Slack API URL nor App token set either inline or in a file"],
  [
    ...([
      "slack",
      { api_url: "https://hooks.slack.com/services/T", update_message: true },
    ] as const),
    ...([
      {},
      "update_message can only be used with bot tokens. " +
        "api_url must be set to https://slack.com/api/chat.postMessage",
    ] as const),
  ],
  [
    "slack",
    { api_url: "https://x/", app_token: "t" },
    {},
    "at most one of an App token and an API",
  ],
  ["slack", { app_token: "a b" }, {}, "app_token must be ASCII without spaces"],
  ["incidentio", { url_file: "/empty", alert_source_token: "t" }, {}, "the file of url is empty"],
  ["opsgenie", {}, { opsgenie_api_key_file: "/empty" }, "the file of opsgenie_api_key is empty"],
  ["pagerduty", { service_key_file: "/empty" }, {}, "the file of service_key is empty"],
  ["pagerduty", {}, {}, "missing service or routing key in PagerDuty config"],
  ["opsgenie", {}, {}, "no global OpsGenie API Key set either inline or in a file"],
  ["victorops", { api_key: "k" }, {}, "missing Routing key in VictorOps config"],
  [
    ...(["victorops", { routing_key: "r" }, {}] as const),
    "no global VictorOps API Key set either inline or in a file",
  ],
  [
    "victorops",
    { custom_fields: { entity_id: "" } },
    {},
    "custom_fields.entity_id: a custom field",
  ],
  ["webex", { room_id: "r" }, {}, "missing webex_configs.http_config.authorization"],
  ["webex", {}, {}, "missing room_id on webex_config"],
  ["rocketchat", {}, {}, "no global Rocketchat Token set either inline or in a file"],
  ["rocketchat", { token: "t" }, {}, "no global Rocketchat TokenID set either inline or in a file"],
  ["mattermost", {}, {}, "missing webhook_url or webhook_url_file on mattermost_config"],
  ["sns", {}, {}, "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"],
  ["sns", { topic_arn: "a", sigv4: { profile: "p" } }, {}, "sigv4.profile: not supported"],
  ["sns", { topic_arn: "a" }, {}, "sigv4.region: a region must be configured"],
  ["jira", {}, {}, "missing api_url in jira_config"],
  ["jira", { api_url: "https://j" }, {}, "missing project in jira_config"],
  ["jira", { api_url: "https://j", project: "p" }, {}, "missing issue_type in jira_config"],
  ["incidentio", { url: "https://i" }, {}, "at least one of alert_source_token"],
  ["incidentio", { alert_source_token: "t" }, {}, "one of url or url_file must be configured"],
  ["webhook", {}, {}, "one of url and url_file must be configured"],
  ["webhook", { url: "ftp://x" }, {}, "url must be an http or https URL"],
  ["webhook", { url_file: "/none" }, {}, "url_file: /none: no such file"],
  ["webhook", { url: "https://x", payload: { a: "{{ x" } }, {}, "payload.a: 1:1: not closed"],
  ["alertmanager", { urls: ["http://a", "a:9093"] }, {}, "urls.1: it must be an http or https URL"],
] as const)("%s: %j with the global %j is a fault: %s", (name, entry, globals, expected) => {
  const faults = faultsOf(name, entry, { globals, files: { "/f": "x", "/empty": "\n" } });
  expect(faults.join("\n")).toContain(expected);
});

test.each([
  ["slack", { channel: "c", api_url_file: "/f" }, { slack_api_url_file: "/none" }],
  ["slack", {}, { slack_api_url_file: "/f" }],
  ["slack", {}, { slack_app_token: "t" }],
  ["opsgenie", { api_key: "own" }, { opsgenie_api_key_file: "/none" }],
  ["victorops", { routing_key: "r" }, { victorops_api_key: "k" }],
  ["rocketchat", {}, { rocketchat_token_file: "/f", rocketchat_token_id: "i" }],
  ["mattermost", {}, { mattermost_webhook_url_file: "/f" }],
  ["jira", { project: "P", issue_type: "B" }, { jira_api_url: "https://j.test" }],
  ["webex", { room_id: "r" }, { http_config: { bearer_token: "t" } }],
] as const)("%s: %j is good with the global %j", (name, entry, globals) => {
  expect(faultsOf(name, entry, { globals, files: { "/f": "https://f.test/" } })).toEqual([]);
});

const LONG = notificationOf("firing", { alertname: "Down", long: "é".repeat(10_000) });
const long = "{{ .CommonLabels.long }}";

test("texts are cut where a service would refuse or cut them", async () => {
  const pagerduty = await bodyBy(goodOf("pagerduty", { description: long }), LONG);
  expect(pagerduty.payload.summary).toBe(`${"é".repeat(1023)}…`);
  const opsgenie = await bodyBy(goodOf("opsgenie", { message: long, entity: long }), LONG);
  expect(opsgenie.message).toHaveLength(130);
  expect(opsgenie.entity).toHaveLength(512);
  expect(JSON.stringify(opsgenie.details).length).toBeLessThan(8200);
  const slack = await bodyBy(goodOf("slack", { title: long }), LONG);
  expect(slack.attachments[0].title).toHaveLength(1024);
  const victorops = await bodyBy(goodOf("victorops", { state_message: `${long}${long}` }), LONG);
  expect(Buffer.byteLength(victorops.state_message)).toBeLessThanOrEqual(20_480);
  const webex = await bodyBy(goodOf("webex", { message: long }), LONG);
  expect(Buffer.byteLength(webex.markdown)).toBeLessThanOrEqual(7439);
  const rocketchat = await bodyBy(goodOf("rocketchat", { text: long }), LONG);
  expect(rocketchat.attachments[0].text).toHaveLength(5000);
  const text = `${long}${long}`;
  const mattermost = await bodyBy(goodOf("mattermost", { text }), LONG);
  expect(mattermost.attachments[0].text).toHaveLength(16_383);
});

test("an event of PagerDuty's that is too long goes without its details", async () => {
  const alerts = Array.from({ length: 60 }, () => LONG.alerts).flat();
  const body = await bodyBy(goodOf("pagerduty"), { ...LONG, alerts });
  expect(body.payload.custom_details).toEqual({
    error: "The details were left out: the event was longer than 512000 bytes",
  });
  expect(body).toMatchObject({ routing_key: "k", event_action: "trigger" });
});

test("an incident.io message that is too long has fewer alerts, and counts the others", async () => {
  const alerts = Array.from({ length: 60 }, () => LONG.alerts).flat();
  const { requests } = await sendBy(goodOf("incidentio"), { ...LONG, alerts });
  const body = JSON.parse(String(requests[0]?.body));
  expect(String(requests[0]?.body).length).toBeLessThan(512_000);
  expect(body.alerts.length + body.truncatedAlerts).toBe(60);
});

test("an SMS and a subject of SNS are cut, and the message says that it was", async () => {
  const more = { topic_arn: "", phone_number: "+4900", message: long, subject: long };
  const { requests } = await sendBy(goodOf("sns", more), LONG);
  const form = new URLSearchParams(String(requests[0]?.body));
  expect([...(form.get("Message") ?? "")]).toHaveLength(1600);
  expect([...(form.get("Subject") ?? "")]).toHaveLength(100);
  expect(form.get("MessageAttributes.entry.1.Name")).toBe("truncated");
  expect(requests[0]?.url).toBe("https://sns.r.amazonaws.com/");
});

test("what is sent to a FIFO topic of SNS is one message each time, but for a further attempt", async () => {
  const sender = goodOf("sns", { topic_arn: "arn:aws:sns:r:1:t.fifo" });
  const idsOf = async (notification: Notification) => {
    const form = new URLSearchParams(
      String((await sendBy(sender, notification)).requests[0]?.body),
    );
    return [form.get("MessageGroupId"), form.get("MessageDeduplicationId")];
  };
  const firing = notificationOf();
  const [group, id] = await idsOf(firing);
  expect(await idsOf(firing)).toEqual([group, id]);
  const [sameGroup, other] = await idsOf({ ...notificationOf("resolved"), timeMs: AT_MS + 1000 });
  expect(sameGroup).toBe(group);
  expect(other).not.toBe(id);
});

test("an attribute of SNS's that is empty is left out", async () => {
  const attributes = { team: "{{ .CommonLabels.team }}", status: "{{ .Status }}" };
  const { requests } = await sendBy(goodOf("sns", { attributes }), notificationOf());
  const form = new URLSearchParams(String(requests[0]?.body));
  expect(form.get("MessageAttributes.entry.1.Name")).toBe("status");
  expect(form.has("MessageAttributes.entry.2.Name")).toBe(false);
});

test("SNS in China has an address of its own", async () => {
  const sigv4 = { region: "cn-north-1", access_key: "a", secret_key: "s" };
  const { requests } = await sendBy(goodOf("sns", { sigv4 }), notificationOf());
  expect(requests[0]?.url).toBe("https://sns.cn-north-1.amazonaws.com.cn/");
});

test.each([
  ["slack", { api_url: undefined, app_token: "own" }],
  ["incidentio", { alert_source_token: "own" }],
] as const)("%s: its own token is sent, not one of the global oauth2", async (name, more) => {
  const oauth2 = { client_id: "c", client_secret: "s", token_url: "https://t.test" };
  const sender = goodOf(name, more, { globals: { http_config: { oauth2 } } });
  const { requests } = await sendBy(sender, notificationOf());
  expect(requests[0]?.client).toMatchObject({ authorization: "Bearer own", oauth2: null });
});

test("SNS's throttling is tried again though its status is 400", async () => {
  const answers = [{ status: 400, text: "<Error><Code>Throttling</Code></Error>" }];
  const { answer } = await sendBy(goodOf("sns"), notificationOf(), answers);
  expect(answer.outcome).toBe("retry");
  const bad = [{ status: 400, text: "<Error><Code>InvalidParameter</Code></Error>" }];
  expect((await sendBy(goodOf("sns"), notificationOf(), bad)).answer.outcome).toBe("rejected");
});

test.each([
  ["not_in_channel", "retry"],
  ["ratelimited", "retry"],
  ["invalid_auth", "retry"],
  ["msg_too_long", "rejected"],
] as const)("slack's error %s means %s", async (error, outcome) => {
  const text = JSON.stringify({ ok: false, error });
  const { answer } = await sendBy(goodOf("slack"), notificationOf(), [{ text }]);
  expect(answer).toEqual({ outcome, text: `200: ${error}`, retryAfterMs: null });
});

test("an error in slack's body is shown on one line", async () => {
  const text = JSON.stringify({ ok: false, error: "a\nlevel=error b" });
  const { answer } = await sendBy(goodOf("slack"), notificationOf(), [{ text }]);
  expect(answer.text).toBe("200: a level=error b");
});

test("slack: a message is updated until its group is resolved, and posted anew when it is gone", async () => {
  const post = "https://slack.com/api/chat.postMessage";
  const sender = goodOf("slack", { api_url: post, channel: "#a", update_message: true });
  const posted = { text: '{"ok":true,"channel":"C1","ts":"1.2"}' };
  const gone = { text: '{"ok":false,"error":"message_not_found"}' };
  const said: string[] = [];
  const send = async (status: "firing" | "resolved", answer: object) => {
    const { requests } = await sendBy(sender, notificationOf(status), [answer]);
    const { channel, ts } = JSON.parse(String(requests[0]?.body));
    said.push(`${requests[0]?.url.slice(22)} ${channel} ${ts ?? ""}`.trim());
  };
  await send("firing", posted);
  await send("firing", { status: 503 });
  await send("firing", gone);
  await send("firing", posted);
  await send("resolved", posted);
  await send("firing", posted);
  expect(said).toEqual([
    "chat.postMessage #a",
    "chat.update C1 1.2",
    "chat.update C1 1.2",
    "chat.postMessage #a",
    "chat.update C1 1.2",
    "chat.postMessage #a",
  ]);
});

test("slack's actions and fields keep what is set", async () => {
  const body = await bodyBy(
    goodOf("slack", {
      ...{ short_fields: true, link_names: true, message_text: "outside" },
      fields: [
        { title: "t", value: "{{ .Status }}" },
        { title: "u", value: "v", short: false },
      ],
      actions: [
        { type: "button", text: "x", name: "n", value: "", confirm: { text: "sure?", title: "" } },
      ],
    }),
    notificationOf(),
  );
  expect(body).toMatchObject({ text: "outside", link_names: true });
  expect(body.attachments[0]).toMatchObject({
    fields: [
      { title: "t", value: "firing", short: true },
      { title: "u", value: "v", short: false },
    ],
    actions: [{ type: "button", text: "x", name: "n", confirm: { text: "sure?" } }],
  });
});

test("pagerduty's older events have the service key and its address", async () => {
  const sender = senderOf(pagerdutyKind, { service_key: "s", details: { own: "{{ .Status }}" } });
  const { requests } = await sendBy(sender, notificationOf());
  expect(requests[0]?.url).toBe(
    "https://events.pagerduty.com/generic/2010-04-15/create_event.json",
  );
  expect(JSON.parse(String(requests[0]?.body))).toMatchObject({
    ...{ service_key: "s", event_type: "trigger" },
    details: { num_firing: "1", own: "firing" },
  });
});

test("pagerduty: an event has the client as its source where that is empty", async () => {
  const body = await bodyBy(goodOf("pagerduty", { client: "us", source: "" }), notificationOf());
  expect(body.payload.source).toBe("us");
});

test("opsgenie stops at the first request that is not taken", async () => {
  const answers = [{ status: 202 }, { status: 429, retryAfterMs: 5000 }];
  const sender = goodOf("opsgenie", { update_alerts: true });
  const { answer, requests } = await sendBy(sender, notificationOf(), answers);
  expect(answer).toMatchObject({ outcome: "retry", retryAfterMs: 5000 });
  expect(requests).toHaveLength(2);
});

test("a webhook's payload is of the user's form, and its url may be a template", async () => {
  const payload = { who: "{{ .CommonLabels.instance }}", all: "{{ .Alerts | toJson }}", n: [1] };
  const url = "https://{{ .CommonLabels.instance }}.test/";
  const { requests } = await sendBy(goodOf("webhook", { url, payload }), notificationOf());
  expect(requests[0]?.url).toBe("https://a.test/");
  expect(JSON.parse(String(requests[0]?.body))).toEqual({
    ...{ who: "a", n: [1] },
    all: [{ alertname: "Down", instance: "a" }],
  });
  const bad = goodOf("webhook", { url: "{{ .CommonLabels.instance }}" });
  const { answer, requests: none } = await sendBy(bad, notificationOf());
  expect([answer.outcome, none]).toEqual(["rejected", []]);
});

test.each([
  [{ status: 500, text: "broken" }, "500: broken"],
  [{ status: 200, text: "<html>" }, "200: no answer of Jira's"],
  [{ status: 200, text: '{"issues":[{"key":"../x"}]}' }, "200: no answer of Jira's"],
  [
    ...([
      { status: 200, text: '{"issues":[{"key":"P-1","fields":{}}],"transitions":[]}' },
    ] as const),
    "the issue has no transition of the configured name",
  ],
])("jira: when all is answered %j it is tried again: %s", async (answered, expected) => {
  const sender = goodOf("jira", { resolve_transition: "Close" });
  const { answer } = await sendBy(sender, notificationOf("resolved"), [answered]);
  expect(answer).toMatchObject({ outcome: "retry", text: expected });
});

test("jira: a document that the user writes is sent as it is, and one that is none is refused", async () => {
  const base = { api_url: "https://x.atlassian.net/rest/api/3" };
  const description = '{"type":"doc","version":1,"content":{{ .Alerts | toJson }}}';
  const answers = [{ text: '{"issues":[]}' }];
  const good = goodOf("jira", { ...base, description });
  const { requests } = await sendBy(good, notificationOf(), answers);
  expect(JSON.parse(String(requests[1]?.body)).fields.description).toMatchObject({
    ...{ type: "doc", content: [{ alertname: "Down" }] },
  });
  const bad = sendBy(goodOf("jira", { ...base, description: "{ no JSON" }), notificationOf());
  await expect(bad).rejects.toMatchObject({ code: "PARSE" });
});

test("jira: a text that begins with a brace is a text in the second version of its API", async () => {
  const sender = goodOf("jira", { description: "{code}{{ .Status }}{code}" });
  const { requests } = await sendBy(sender, notificationOf(), [{ text: '{"issues":[]}' }]);
  const { fields } = JSON.parse(String(requests[1]?.body));
  expect(fields.description).toBe("{code}firing{code}");
});

test("alertmanager: a peer that hangs takes nothing from what another took", async () => {
  const sender = goodOf("alertmanager", { urls: ["http://a.test", "http://b.test"] });
  const clock = new FakeClock();
  const request: RequestFn = async ({ url }) => {
    if (url.includes("b.test")) await new Promise(() => {});
    return { status: 200, text: "", retryAfterMs: null };
  };
  const ports = { ...portsOf(request), clock };
  const { signal } = new AbortController();
  const sent = sender.send(notificationOf(), ports, signal);
  await clock.advance(8000);
  expect(await sent).toEqual({
    ...{ outcome: "delivered", retryAfterMs: null },
    text: "a.test: 200; b.test: no answer within 8000 ms",
  });
  const stopped = sender.send(notificationOf(), ports, AbortSignal.abort(new Error("stopping")));
  await expect(stopped).rejects.toThrow("stopping");
});

test("alertmanager: refused by all is rejected, and the longest wait counts", async () => {
  const sender = goodOf("alertmanager", { urls: ["http://a.test", "http://b.test"] });
  const refused = [{ status: 400, text: "bad" }];
  expect((await sendBy(sender, notificationOf(), refused)).answer).toEqual({
    ...{ outcome: "rejected", text: "a.test: 400: bad; b.test: 400: bad", retryAfterMs: null },
  });
  const busy = [
    { status: 429, retryAfterMs: 1000 },
    { status: 503, retryAfterMs: 9000 },
  ];
  expect((await sendBy(sender, notificationOf(), busy)).answer).toMatchObject({
    ...{ outcome: "retry", retryAfterMs: 9000 },
  });
});
