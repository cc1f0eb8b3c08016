import { createHash, createHmac } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { alertmanagerKind } from "../../aggregator/notify/integrations/alertmanager.ts";
import { incidentioKind } from "../../aggregator/notify/integrations/incidentio.ts";
import type { IntegrationKind } from "../../aggregator/notify/integrations/integration.ts";
import { jiraKind } from "../../aggregator/notify/integrations/jira.ts";
import { mattermostKind } from "../../aggregator/notify/integrations/mattermost.ts";
import { opsgenieKind } from "../../aggregator/notify/integrations/opsgenie.ts";
import { pagerdutyKind } from "../../aggregator/notify/integrations/pagerduty.ts";
import { rocketchatKind } from "../../aggregator/notify/integrations/rocketchat.ts";
import { slackKind } from "../../aggregator/notify/integrations/slack.ts";
import { snsKind } from "../../aggregator/notify/integrations/sns.ts";
import { victoropsKind } from "../../aggregator/notify/integrations/victorops.ts";
import { webexKind } from "../../aggregator/notify/integrations/webex.ts";
import { webhookKind } from "../../aggregator/notify/integrations/webhook.ts";
import { groupHash } from "../../aggregator/notify/message-parts.ts";
import { HttpRequests } from "../../shared/platform/http-request.ts";
import { type Answer, answerWith, HttpReceiver } from "../support/http-receiver.ts";
import { AT_MS, notificationOf, portsOf, senderOf } from "../support/receiver-kind.ts";

async function receiver(answer?: Answer) {
  const opened = await HttpReceiver.open(answer);
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened;
}

async function send<Raw>(
  kind: IntegrationKind<Raw>,
  entry: object,
  status: "firing" | "resolved" = "firing",
  signal = AbortSignal.timeout(5000),
) {
  await using requests = new HttpRequests(Date.now, {});
  const sender = senderOf(kind, entry);
  return await sender.send(notificationOf(status), portsOf(requests.request), signal);
}

const HASH = groupHash(notificationOf());
const DELIVERED = expect.objectContaining({ outcome: "delivered" });
const BASIC = { basic_auth: { username: "u", password: "p" } };
const BEARER = { authorization: { credentials: "t" } };

test("webhook: the message goes to the path as JSON, with what http_config says", async () => {
  const there = await receiver();
  const http_config = { ...BASIC, http_headers: { "X-Team": { values: ["ops"] } } };
  expect(await send(webhookKind, { url: `${there.url}/hook?key=1`, http_config })).toEqual(
    DELIVERED,
  );
  expect(there.last).toMatchObject({ method: "POST", target: "/hook?key=1" });
  expect(there.last.headers).toMatchObject({
    "content-type": "application/json",
    authorization: `Basic ${btoa("u:p")}`,
    "x-team": "ops",
  });
  expect(there.json).toMatchObject({ version: "4", status: "firing", receiver: "ops" });
});

test("slack: a webhook gets an attachment", async () => {
  const there = await receiver(answerWith(200, "ok"));
  const entry = {
    api_url: `${there.url}/services/T/B/x`,
    channel: "#alerts",
    title: "{{ .Status }}",
  };
  expect(await send(slackKind, entry)).toEqual(DELIVERED);
  expect(there.last).toMatchObject({ method: "POST", target: "/services/T/B/x" });
  expect(there.json).toMatchObject({
    channel: "#alerts",
    username: expect.stringContaining("slack.default.username"),
    attachments: [{ title: "firing", color: "danger", mrkdwn_in: ["fallback", "pretext", "text"] }],
  });
});

test("slack: an app's token is sent, and the body of the Web API says what became of it", async () => {
  const there = await receiver(answerWith(200, '{"ok":false,"error":"not_in_channel"}'));
  const entry = { app_url: `${there.url}/api/chat.postMessage`, app_token: "xoxb-1", channel: "c" };
  const answer = await send(slackKind, entry);
  expect(answer).toMatchObject({ outcome: "retry", text: "200: not_in_channel" });
  expect(there.last.headers.authorization).toBe("Bearer xoxb-1");
});

test("pagerduty: an event of the Events API v2, by the group's key", async () => {
  const there = await receiver(answerWith(202));
  const entry = { url: `${there.url}/v2/enqueue`, routing_key: "key" };
  expect(await send(pagerdutyKind, entry, "resolved")).toEqual(DELIVERED);
  expect(there.last).toMatchObject({ method: "POST", target: "/v2/enqueue" });
  expect(there.json).toMatchObject({
    ...{ routing_key: "key", event_action: "resolve", dedup_key: HASH },
    client: expect.stringContaining("pagerduty.default.client"),
    payload: {
      summary: expect.stringContaining("pagerduty.default.description"),
      severity: "error",
      source: expect.stringContaining("pagerduty.default.client"),
      custom_details: { num_firing: "0", num_resolved: "1" },
    },
  });
});

test("opsgenie: an alert is made, and closed by its alias", async () => {
  const there = await receiver(answerWith(202));
  const entry = {
    ...{ api_url: there.url, api_key: "key", tags: "a, b,", priority: "P1" },
    responders: [
      { name: "x, y", type: "teams" },
      { username: "u", type: "User" },
    ],
  };
  expect(await send(opsgenieKind, entry)).toEqual(DELIVERED);
  expect(there.last).toMatchObject({ method: "POST", target: "/v2/alerts" });
  expect(there.last.headers.authorization).toBe("GenieKey key");
  expect(there.json).toMatchObject({
    ...{ alias: HASH, tags: ["a", "b"], priority: "P1" },
    details: { alertname: "Down", instance: "a" },
    responders: [
      { name: "x", type: "team" },
      { name: "y", type: "team" },
      { username: "u", type: "user" },
    ],
  });
  await send(opsgenieKind, entry, "resolved");
  expect(there.last.target).toBe(`/v2/alerts/${HASH}/close?identifierType=alias`);
  await send(opsgenieKind, { ...entry, update_alerts: true });
  expect(there.got.slice(2).map(({ method, target }) => `${method} ${target}`)).toEqual([
    "POST /v2/alerts",
    `PUT /v2/alerts/${HASH}/message?identifierType=alias`,
    `PUT /v2/alerts/${HASH}/description?identifierType=alias`,
  ]);
});

test("victorops: the keys are in the path, and the end is a recovery", async () => {
  const there = await receiver();
  const entry = {
    ...{
      api_url: `${there.url}/alert/`,
      api_key: "k",
      routing_key: "{{ .CommonLabels.alertname }}/x",
    },
    custom_fields: { env: "{{ .Status }}" },
  };
  expect(await send(victoropsKind, entry)).toEqual(DELIVERED);
  expect(there.last).toMatchObject({ method: "POST", target: "/alert/k/Down%2Fx" });
  expect(there.json).toMatchObject({ message_type: "CRITICAL", entity_id: HASH, env: "firing" });
  await send(victoropsKind, entry, "resolved");
  expect(there.json.message_type).toBe("RECOVERY");
});

test("webex: a message to a room", async () => {
  const there = await receiver();
  const entry = { api_url: `${there.url}/v1/messages`, room_id: "r", http_config: BEARER };
  expect(await send(webexKind, entry)).toEqual(DELIVERED);
  expect(there.last.headers.authorization).toBe("Bearer t");
  expect(there.json).toEqual({
    roomId: "r",
    markdown: expect.stringContaining("[webex.default.message] Down a"),
  });
});

test("rocketchat: both tokens are headers, and success is told in the body", async () => {
  const there = await receiver(answerWith(200, '{"success":true}'));
  const entry = { api_url: there.url, token: "t", token_id: "i", channel: "#a" };
  expect(await send(rocketchatKind, entry)).toEqual(DELIVERED);
  expect(there.last.target).toBe("/api/v1/chat.postMessage");
  expect(there.last.headers).toMatchObject({ "x-auth-token": "t", "x-user-id": "i" });
  expect(there.json).toMatchObject({ channel: "#a", attachments: [{ color: "red" }] });
  there.answer = answerWith(200, '{"success":false,"error":"no such\\nroom"}');
  const failed = { outcome: "retry", text: "200: no such room", retryAfterMs: null };
  expect(await send(rocketchatKind, entry)).toEqual(failed);
});

test("mattermost: the entry is the first attachment", async () => {
  const there = await receiver(answerWith(200, "ok"));
  const entry = {
    ...{ webhook_url: `${there.url}/hooks/x`, channel: "town", title: "{{ .Status }}" },
    fields: [{ title: "t", value: "{{ .CommonLabels.instance }}", short: true }],
    ...{ attachments: [{ text: "more" }], priority: { priority: "urgent" }, props: { card: "c" } },
  };
  expect(await send(mattermostKind, entry)).toEqual(DELIVERED);
  expect(there.last.target).toBe("/hooks/x");
  expect(there.json).toMatchObject({
    ...{ channel: "town", priority: { priority: "urgent" }, props: { card: "c" } },
    attachments: [
      { title: "firing", fields: [{ title: "t", value: "a", short: true }] },
      { text: "more" },
    ],
  });
});

test("incidentio: the webhook's message with the alert source's token", async () => {
  const there = await receiver(answerWith(202));
  const entry = { url: `${there.url}/v2/alert_events/alertmanager/x`, alert_source_token: "t" };
  expect(await send(incidentioKind, entry)).toEqual(DELIVERED);
  expect(there.last.headers.authorization).toBe("Bearer t");
  expect(there.json).toMatchObject({ version: "4", groupKey: '{}:{alertname="Down"}' });
});

const JIRA = { project: "OPS", issue_type: "Bug", http_config: BASIC, labels: ["x"] };

/** A Jira with at most one issue; its answers by what is asked. */
const jira =
  (issue: object | null): Answer =>
  ({ method, target }, response) => {
    const isSearch = target.includes("/search");
    const found = isSearch ? { issues: issue === null ? [] : [issue] } : {};
    const transitions = [
      { id: "7", name: "Close" },
      { id: "8", name: "Open" },
    ];
    const body = target.endsWith("/transitions") ? { transitions } : found;
    response.writeHead(method === "POST" && !isSearch ? 201 : 200).end(JSON.stringify(body));
  };
const issueWith = (key: string) => ({
  ...{ key: "OPS-1", fields: { status: { statusCategory: { key } } } },
});

test("jira: an issue is made when there is none", async () => {
  const there = await receiver(jira(null));
  const api_url = `${there.url}/rest/api/2/`;
  const fields = { customfield_1: { value: "{{ .CommonLabels.instance }}" } };
  expect(await send(jiraKind, { ...JIRA, api_url, fields })).toEqual(DELIVERED);
  expect(there.got.map(({ method, target }) => `${method} ${target}`)).toEqual([
    "POST /rest/api/2/search",
    "POST /rest/api/2/issue",
  ]);
  expect(JSON.parse(there.got[0]?.body ?? "").jql).toBe(
    `project = "OPS" AND labels = "ALERT{${HASH}}" AND statusCategory != Done ` +
      "ORDER BY status ASC, resolutiondate DESC",
  );
  expect(there.last.headers.authorization).toBe(`Basic ${btoa("u:p")}`);
  expect(there.json.fields).toMatchObject({
    ...{ project: { key: "OPS" }, issuetype: { name: "Bug" }, labels: ["x", `ALERT{${HASH}}`] },
    summary: expect.stringContaining("jira.default.summary"),
    description: expect.stringContaining("jira.default.description"),
    customfield_1: { value: "a" },
  });
  there.got.length = 0;
  await send(jiraKind, { ...JIRA, api_url }, "resolved");
  expect(there.got).toHaveLength(1);
});

test.each([
  ["done", "firing", "8"],
  ["new", "resolved", "7"],
  ["done", "resolved", null],
  ["new", "firing", null],
] as const)("jira: an issue that is %s, of an alert that is %s", async (key, status, moved) => {
  const there = await receiver(jira(issueWith(key)));
  const transitions = { resolve_transition: "Close", reopen_transition: "Open" };
  const own = { reopen_duration: "90s", wont_fix_resolution: 'no "way"' };
  const entry = { ...JIRA, api_url: `${there.url}/rest/api/3`, ...transitions, ...own };
  const documented = { ...entry, api_type: "cloud", description: { template: "a\n{{ .Status }}" } };
  expect(await send(jiraKind, documented, status)).toEqual(DELIVERED);
  const [search, put, , post] = there.got;
  expect(search?.target).toBe("/rest/api/3/search/jql");
  expect(JSON.parse(search?.body ?? "").jql).toContain('resolution != "no \\"way\\"")');
  expect(JSON.parse(search?.body ?? "").jql.includes("resolutiondate >= -1m")).toBe(
    status === "firing",
  );
  expect(put).toMatchObject({ method: "PUT", target: "/rest/api/3/issue/OPS-1" });
  const line = (text: string) => ({ type: "paragraph", content: [{ type: "text", text }] });
  expect(JSON.parse(put?.body ?? "").fields).toEqual({
    description: { type: "doc", version: 1, content: [line("a"), line(status)] },
    priority: { name: expect.stringContaining("jira.default.priority") },
  });
  const id = post === undefined ? null : JSON.parse(post.body).transition.id;
  expect(id).toBe(moved);
});

test("sns: a form that is signed, and that SNS would find signed", async () => {
  const there = await receiver(answerWith(200, "<PublishResponse/>"));
  const entry = {
    ...{ api_url: there.url, topic_arn: "arn:aws:sns:us-east-2:1:t.fifo", subject: "a\nb" },
    sigv4: { region: "us-east-2", access_key: "AKID", secret_key: "secret" },
    attributes: { severity: "{{ .Status }}" },
  };
  expect(await send(snsKind, entry)).toEqual(DELIVERED);
  const { headers, body } = there.last;
  expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
    ...{ Action: "Publish", Version: "2010-03-31", TopicArn: entry.topic_arn, Subject: "a b" },
    ...{ MessageGroupId: HASH, MessageDeduplicationId: expect.stringMatching(/^[\da-f]{64}$/) },
    Message: "[sns.default.message] Down a a is down",
    "MessageAttributes.entry.1.Name": "severity",
    "MessageAttributes.entry.1.Value.DataType": "String",
    "MessageAttributes.entry.1.Value.StringValue": "firing",
  });
  // Worked out from what arrived, step by step as AWS documents it.
  const sha = (text: string) => createHash("sha256").update(text).digest("hex");
  const mac = (key: string | Buffer, text: string) =>
    createHmac("sha256", key).update(text).digest();
  const time = headers["x-amz-date"];
  expect(time).toBe("20260106T120000Z");
  const signed = `content-type:${headers["content-type"]}\nhost:${headers.host}\nx-amz-date:${time}\n`;
  const canonical = `POST\n/\n\n${signed}\ncontent-type;host;x-amz-date\n${sha(body)}`;
  const scope = "20260106/us-east-2/sns/aws4_request";
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha(canonical)}`;
  const dayKey = mac("AWS4secret", "20260106");
  const key = mac(mac(mac(dayKey, "us-east-2"), "sns"), "aws4_request");
  expect(headers.authorization).toBe(
    `AWS4-HMAC-SHA256 Credential=AKID/${scope}, SignedHeaders=content-type;host;x-amz-date, ` +
      `Signature=${mac(key, toSign).toString("hex")}`,
  );
});

test("alertmanager: every peer is told, and one that is away is named", async () => {
  const [one, other] = [await receiver(), await receiver(answerWith(503, "busy"))];
  const entry = { urls: [`${one.url}/am/`, other.url, "http://127.0.0.1:1"] };
  const { outcome, text } = await send(alertmanagerKind, entry);
  expect(outcome).toBe("delivered");
  expect(text).toContain(`${new URL(other.url).host}: 503: busy; 127.0.0.1:1: `);
  expect(one.last).toMatchObject({ method: "POST", target: "/am/api/v2/alerts" });
  expect(other.last.target).toBe("/api/v2/alerts");
  const alert = { labels: { alertname: "Down", instance: "a" }, startsAt: "2026-01-06T12:00:00Z" };
  expect(one.json).toMatchObject([
    { ...alert, endsAt: new Date(AT_MS + 86_400_000).toISOString().replace(".000", "") },
  ]);
  await send(alertmanagerKind, entry, "resolved");
  expect(one.json).toMatchObject([{ ...alert, endsAt: "2026-01-06T12:01:00Z" }]);
  expect(await send(alertmanagerKind, { urls: entry.urls.slice(1) })).toMatchObject({
    outcome: "retry",
  });
});

test("a receiver that moved for a while is found, one that hangs is left, one that closes tried again", async () => {
  const there = await receiver();
  const moved = await receiver(answerWith(307, "", { location: `${there.url}/new` }));
  expect(await send(webhookKind, { url: moved.url })).toEqual(DELIVERED);
  expect(there.last).toMatchObject({ method: "POST", target: "/new" });
  there.answer = () => {};
  const reason = new Error("enough");
  const control = new AbortController();
  setTimeout(() => control.abort(reason), 50);
  const hanging = send(webhookKind, { url: there.url }, "firing", control.signal);
  await expect(hanging).rejects.toBe(reason);
  there.answer = (_request, response) => response.destroy();
  const closed = send(webhookKind, { url: there.url });
  await expect(closed).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
