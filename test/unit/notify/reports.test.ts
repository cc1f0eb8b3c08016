/** What people reported of Alertmanager, tried here. The numbers are those of its issues. */

import { expect, test } from "vitest";
import { INTEGRATION_KINDS } from "../../../aggregator/notify/integrations/registry.ts";
import { compileTemplates } from "../../../aggregator/notify/templates/notify-templates.ts";
import type { Mail } from "../../../shared/platform/send-mail.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { notificationOf, portsOf } from "../../support/receiver-kind.ts";
import { readConfig } from "./config/reading.ts";
import { NotifyScene } from "./notify-scene.ts";

const MINUTE_MS = 60_000;
const NEVER = new AbortController().signal;
const TOGETHER = { groupBy: [], groupWaitMs: 0, groupIntervalMs: 5 * MINUTE_MS };
const config = (parts = {}) => routing(route({ ...TOGETHER, ...parts }), [hook("ops")]);

test("a reload tells neither some nor all of the alerts again (3407, 627)", async () => {
  const scene = await NotifyScene.open({ config: config() });
  await scene.write({ A: "firing", B: "firing", C: "firing" });
  for (let i = 0; i < 5; i += 1) {
    await scene.configure();
    await scene.clock.advance(MINUTE_MS);
  }
  expect(scene.requests).toEqual(["ops: firing A,B,C"]);
  await scene.close();
});

test("an inhibited alert is not told by a restart or a reload (4064, 2628)", async () => {
  const by = (name: string) => ({
    matchers: [],
    matches: (labels: readonly string[]) => labels.includes(name),
  });
  const inhibitRules = [{ source: by("A"), target: by("B"), equal: [] }];
  const parts = { groupBy: null, groupWaitMs: 0 };
  const scene = await NotifyScene.open({
    config: routing(route(parts), [hook("ops")], { inhibitRules }),
  });
  await scene.write({ A: "firing" });
  await scene.write({ B: "firing" });
  await scene.configure();
  await scene.clock.advance(MINUTE_MS);
  scene.crash();
  await scene.start();
  await scene.write({ B: "firing" });
  await scene.clock.advance(10 * MINUTE_MS);
  expect(scene.requests.filter((one) => one.includes("B"))).toEqual([]);
  await scene.close();
});

test("what has not been told when a reload comes is told (3097)", async () => {
  const waits = config({ groupWaitMs: MINUTE_MS });
  const scene = await NotifyScene.open({ config: waits });
  await scene.write({ A: "firing" });
  await scene.clock.advance(MINUTE_MS / 2);
  await scene.configure();
  await scene.clock.advance(2 * MINUTE_MS);
  expect(scene.requests).toEqual(["ops: firing A"]);
  await scene.close();
});

test("a message that is on its way when a reload comes is not lost (2146, 2417)", async () => {
  const scene = await NotifyScene.open({ config: config(), answer: () => "silence" });
  await scene.write({ A: "firing" });
  await scene.clock.advance(1000);
  scene.answer = () => 200;
  const moved = routing(route(TOGETHER), [hook("ops", {}, "http://other/")]);
  scene.config = moved;
  await scene.configure();
  await scene.clock.advance(MINUTE_MS);
  expect(scene.requests.at(-1)).toBe("other: firing A");
  await scene.close();
});

test("a receiver that says 429 hears of it later (2111, 2121)", async () => {
  const scene = await NotifyScene.open({ config: config(), answer: () => 429 });
  scene.retryAfterMs = 30_000;
  await scene.write({ A: "firing" });
  await scene.clock.advance(1000);
  scene.answer = () => 200;
  await scene.clock.advance(28_000);
  expect(scene.requests.length).toBe(1);
  await scene.clock.advance(30_000);
  expect(scene.requests.length).toBe(2);
  await scene.close();
});

test("a template that is not there is a fault of the file, not a lost alert (2857)", () => {
  const text = `
route: { receiver: a }
receivers:
  - name: a
    slack_configs: [{ api_url: "http://s", text: '{{ template "connect.k8s.url" . }}' }]`;
  const deps = { kinds: INTEGRATION_KINDS, compileTemplates };
  expect(() => readConfig(text, deps)).toThrow("connect.k8s.url");
});

test.each([
  ["pagerduty", "{ routing_key: k, description: '{{ .CommonLabels.long }}' }", 512_000], // 1840, 2178
  ["telegram", "{ bot_token: t, chat_id: 1, message: '<b>{{ .CommonLabels.long }}</b>' }", 16_000], // 2923
  ["opsgenie", "{ api_key: k, message: '{{ .CommonLabels.long }}' }", 130_000], // 3880
])("a text that is too long for %s is cut, not refused", async (kind, entry, bytesMax) => {
  const text = `route: { receiver: a }\nreceivers: [{ name: a, ${kind}_configs: [${entry}] }]`;
  const { receivers } = readConfig(text, { kinds: INTEGRATION_KINDS, compileTemplates });
  const bodies: string[] = [];
  const ports = portsOf(async ({ body }) => {
    bodies.push(String(body));
    return { status: 200, text: "{}", retryAfterMs: null };
  });
  const long = "é<".repeat(100_000);
  const sender = receivers.get("a")?.integrations[0];
  await sender?.send(notificationOf("firing", { alertname: "A", long }), ports, NEVER);
  expect(bodies.length).toBe(1);
  expect(Buffer.byteLength(bodies[0] ?? "")).toBeLessThanOrEqual(bytesMax);
  expect(bodies[0]).not.toMatch(/<b>(?!.*<.b>)/);
});

test("a subject of several lines is one line without marks of others (1676)", async () => {
  const text = `
route: { receiver: a }
receivers:
  - name: a
    email_configs:
      - to: a@b.test
        from: c@d.test
        smarthost: "m.test:25"
        headers: { Subject: "\\n  {{ .Status }}\\n  happened\\n" }`;
  const { receivers } = readConfig(text, { kinds: INTEGRATION_KINDS, compileTemplates });
  const mails: Mail[] = [];
  const mail = async (one: Mail) => {
    mails.push(one);
    return "250";
  };
  const ports = { ...portsOf(() => Promise.reject(new Error("no HTTP"))), mail };
  await receivers.get("a")?.integrations[0]?.send(notificationOf(), ports, NEVER);
  expect(new Map(mails[0]?.headers).get("subject")?.trim().split(/\s+/)).toEqual([
    "firing",
    "happened",
  ]);
});

test("a receiver is not sent what it took again and again while the disk is full", async () => {
  const scene = await NotifyScene.open({ config: config() });
  scene.answer = () => {
    scene.disk.isFull = true;
    return 200;
  };
  await scene.write({ A: "firing" });
  await scene.clock.advance(MINUTE_MS);
  expect(scene.requests.length).toBeLessThan(20);
  await scene.close();
});

test("an alert that ended while it was silenced and fires again is told (grafana 80996)", async () => {
  const scene = await NotifyScene.open({ config: config() });
  await scene.write({ A: "firing" });
  await scene.clock.advance(MINUTE_MS);
  scene.silenced = new Set(["A"]);
  await scene.write({ A: "resolved" });
  await scene.clock.advance(6 * MINUTE_MS);
  scene.silenced = new Set();
  await scene.clock.advance(6 * MINUTE_MS);
  await scene.write({ A: "firing" });
  await scene.clock.advance(6 * MINUTE_MS);
  expect(scene.requests).toEqual(["ops: firing A", "ops: firing A"]);
  await scene.close();
});
