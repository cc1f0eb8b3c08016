import { describe, expect, test } from "vitest";
import { OperationalError } from "../../../shared/errors.ts";
import { alertsOf, Scene } from "./scene.ts";

const ALERT = `
groups:
  - name: g
    rules:
      - alert: High
        expr: load > 0
        labels: { severity: page }
        annotations: { summary: "{{ $labels.instance }} is at {{ $value }}" }
`;
const HIGH_A = '{alertname="High", instance="a", region="eu", severity="page"}';

const groupOf = (rule: string) => `groups: [{ name: g, rules: [{ ${rule} }] }]`;

/** A scene whose rules run. The first evaluation is one second on. */
async function running(text: string, scene = new Scene()) {
  const runner = await scene.open();
  await scene.apply(runner, text);
  return { scene, runner };
}

describe("an alerting rule", () => {
  test("tells once that it fires and once that it is resolved", async () => {
    const { scene } = await running(ALERT);
    await scene.load({ a: 2 }, 5000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`]);
    await scene.load({ a: 0 }, 5000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`, `resolved ${HIGH_A}`]);
  });

  test("stays firing without data and says so, and resolves when the data says so", async () => {
    const { scene, runner } = await running(ALERT);
    await scene.load({ a: 2 }, 1000);
    expect(alertsOf(runner)).toMatchObject([{ state: "firing", isNoData: false, value: 2 }]);
    await scene.load({ a: null }, 60_000);
    expect(alertsOf(runner)).toMatchObject([{ state: "firing", isNoData: true, value: 2 }]);
    expect(scene.told).toHaveLength(1);
    await scene.load({ a: 0 }, 1000);
    expect(alertsOf(runner)).toStrictEqual([]);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`, `resolved ${HIGH_A}`]);
  });

  test("with no_data fire is raised by data that was there and goes missing", async () => {
    const text = ALERT.replace("labels:", "no_data: fire\n        for: 2s\n        labels:");
    const { scene, runner } = await running(text);
    await scene.load({ a: 0, b: 0 }, 2000);
    expect(alertsOf(runner)).toStrictEqual([]);
    await scene.load({ a: null }, 2000);
    expect(alertsOf(runner)).toMatchObject([{ state: "pending", isNoData: true }]);
    await scene.clock.advance(1000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`]);
    await scene.load({ a: 0 }, 1000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`, `resolved ${HIGH_A}`]);
  });

  test("writes ALERTS and ALERTS_FOR_STATE, and nothing more once there is nothing", async () => {
    const { scene } = await running(ALERT);
    const sinceS = scene.clock.nowMs() / 1000 + 1;
    await scene.load({ a: 2 }, 1000);
    const labels = 'alertname="High", instance="a", severity="page"';
    expect(scene.lastWrite("rules/r.yaml/g")?.map((line) => line.replace(/\{.*\}/, ""))).toEqual([
      "ALERTS 1",
      `ALERTS_FOR_STATE ${sinceS}`,
    ]);
    expect(scene.lastWrite("rules/r.yaml/g")?.[1]).toContain(labels);
    await scene.load({ a: 0 }, 1000);
    expect(scene.lastWrite("rules/r.yaml/g")).toStrictEqual([]);
    const writes = scene.writes.length;
    await scene.clock.advance(5000);
    expect(scene.writes).toHaveLength(writes);
  });

  test("whose label sets fall together fails and leaves its alerts as they were", async () => {
    const text = ALERT.replace("severity: page", 'instance: ""');
    const { scene, runner } = await running(text);
    await scene.load({ a: 2 }, 1000);
    expect(scene.told).toStrictEqual(['firing {alertname="High", region="eu"}']);
    await scene.load({ b: 3 }, 3000);
    expect(runner.rules()[0]?.rules[0]).toMatchObject({
      health: "err",
      lastError: "Vector contains metrics with the same labelset after applying alert labels",
      state: "firing",
    });
    expect(scene.told).toHaveLength(1);
  });

  test("over its group's limit fails and leaves its alerts as they were", async () => {
    const { scene, runner } = await running(ALERT.replace("rules:", "limit: 1\n    rules:"));
    await scene.load({ a: 2 }, 1000);
    await scene.load({ b: 2 }, 1000);
    expect(runner.rules()[0]?.rules[0]).toMatchObject({ lastError: "Limit of 1 alerts, got 2" });
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`]);
  });
});

describe("after a restart", () => {
  test("a firing alert is not told of again, and its end is", async () => {
    const { scene } = await running(ALERT);
    await scene.load({ a: 2 }, 3000);
    const { runner } = await running(ALERT, scene.crash());
    expect(alertsOf(runner)).toMatchObject([{ state: "firing", value: 2 }]);
    await scene.clock.advance(3000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`]);
    await scene.load({ a: 0 }, 3000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`, `resolved ${HIGH_A}`]);
  });

  test("a pending alert goes on counting", async () => {
    const text = ALERT.replace("labels:", "for: 10s\n        labels:");
    const { scene } = await running(text);
    await scene.load({ a: 2 }, 6000);
    const { runner } = await running(text, scene.crash());
    await scene.clock.advance(4000);
    expect(alertsOf(runner)).toMatchObject([{ state: "pending" }]);
    await scene.clock.advance(1000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`]);
  });

  test("an alert without data is kept, with the annotations it had", async () => {
    const { scene } = await running(ALERT);
    await scene.load({ a: 2 }, 1000);
    scene.set("load", null, { instance: "a" });
    const { runner } = await running(ALERT, scene.crash());
    await scene.clock.advance(5000);
    expect(alertsOf(runner)).toMatchObject([
      { state: "firing", isNoData: true, annotations: ["summary", "a is at 2"] },
    ]);
  });

  test("a damaged entry is passed over and counted", async () => {
    const { scene } = await running(ALERT);
    await scene.load({ a: 2 }, 1000);
    scene.crash();
    const key = Buffer.from("r|0123|4567");
    await scene.store.batch([{ type: "put", key, value: Buffer.from("{") }], { sync: true });
    const { runner } = await running(ALERT, scene);
    expect(alertsOf(runner)).toHaveLength(1);
    expect(scene.total("telltale_alert_states_damaged_total")).toBe(1);
  });
});

describe("a change is told of only when it is safe:", () => {
  test("while the sync hangs nothing is told and nothing has changed", async () => {
    const { scene, runner } = await running(ALERT);
    const release = scene.disk.hangSync();
    await scene.load({ a: 2 }, 5000);
    expect(alertsOf(runner)).toStrictEqual([]);
    expect(scene.told).toStrictEqual([]);
    release();
    await scene.clock.advance(0);
    expect(alertsOf(runner)).toHaveLength(1);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`]);
  });

  test("when the disk is full the rule fails, and the change comes when there is room", async () => {
    const { scene, runner } = await running(ALERT);
    scene.disk.isFull = true;
    await scene.load({ a: 2 }, 3000);
    expect(scene.told).toStrictEqual([]);
    expect(runner.rules()[0]?.rules[0]).toMatchObject({ health: "err", state: "inactive" });
    scene.disk.isFull = false;
    await scene.clock.advance(1000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`]);
    expect(runner.rules()[0]?.rules[0]).toMatchObject({ health: "ok", state: "firing" });
  });

  test("state and notification are one batch, and an unchanged state writes nothing", async () => {
    const scene = new Scene();
    let writes = 0;
    scene.storeOptions = {
      onWriteStep: (step) => {
        if (step === "begin") writes += 1;
      },
    };
    await running(ALERT, scene.crash());
    await scene.load({ a: 2, b: 2 }, 1000);
    expect(scene.told).toHaveLength(2);
    await scene.load({ a: 3 }, 30_000);
    expect(writes).toBe(2); // that batch, and the deletes of what the receiver took
  });
});

describe("a group", () => {
  const CHAIN = `
groups:
  - name: chain
    rules:
      - { record: one, expr: load, labels: { by: one } }
      - { record: broken_rule, expr: broken }
      - { record: two, expr: one, labels: { by: two } }
      - { alert: Two, expr: two > 0 }
`;

  test("shows a rule what the rules before it recorded at the same time", async () => {
    const { scene, runner } = await running(CHAIN);
    await scene.load({ a: 7 }, 1000);
    expect(scene.lastWrite("rules/r.yaml/chain")).toEqual(['one{by="one", instance="a"} 7']);
    expect(scene.lastWrite("rules/r.yaml/chain#1")).toEqual(['two{by="two", instance="a"} 7']);
    expect(alertsOf(runner)).toMatchObject([
      { labels: ["alertname", "Two", "by", "two", "instance", "a"] },
    ]);
  });

  test("goes on after a rule that fails, and counts it", async () => {
    const { scene, runner } = await running(CHAIN);
    await scene.clock.advance(3000);
    const [one, broken, two] = runner.rules()[0]?.rules ?? [];
    expect(one).toMatchObject({ health: "ok", lastError: "" });
    expect(broken).toMatchObject({ health: "err", lastError: "Broken on purpose" });
    expect(two).toMatchObject({ health: "ok" });
    expect(scene.total("telltale_rule_evaluation_failures_total")).toBe(3);
    expect(scene.logger.messages("warn")).toStrictEqual(["rule failed"]);
  });

  test("is evaluated at multiples of its interval, looking back by its offset", async () => {
    const text =
      "groups: [{ name: g, interval: 10s, query_offset: 3s, rules: [{ alert: A, expr: x }] }]";
    const { scene } = await running(text);
    const startMs = scene.clock.nowMs();
    await scene.clock.advance(25_000);
    expect(scene.evaluatedMs.map((timeMs) => timeMs - startMs)).toStrictEqual([7000, 17_000]);
  });

  test("waits for the data, but not for ever", async () => {
    const { scene } = await running(groupOf("alert: A, expr: x"));
    scene.isComplete = false;
    const startMs = scene.clock.nowMs();
    await scene.clock.advance(1300);
    expect(scene.evaluatedMs).toStrictEqual([]);
    scene.completeData();
    await scene.clock.advance(0);
    expect(scene.evaluatedMs).toStrictEqual([startMs + 1000]);
    scene.isComplete = false;
    await scene.clock.advance(1600);
    expect(scene.evaluatedMs).toStrictEqual([startMs + 1000]);
    await scene.clock.advance(200);
    expect(scene.evaluatedMs).toStrictEqual([startMs + 1000, startMs + 2000]);
  });

  test("of data that comes late says so to the receivers, by node", async () => {
    const { scene } = await running(groupOf("alert: A, expr: x > 0, annotations: { summary: s }"));
    scene.set("x", 1, { instance: "web1" });
    scene.set("x", 1, { instance: "web2" });
    scene.latenessMs.set("web1", 754_321);
    await scene.clock.advance(1000);
    scene.set("x", 0, { instance: "web1" });
    scene.set("x", 0, { instance: "web2" });
    scene.latenessMs.clear();
    await scene.clock.advance(1000);
    const late = scene.toldAnnotations;
    expect(late).toEqual([
      'firing web1 {summary="s", telltale_late="12m34s"}',
      'firing web2 {summary="s"}',
      'resolved web1 {summary="s"}',
      'resolved web2 {summary="s"}',
    ]);
  });

  test("goes on at once when the clock is set back: pending alerts do not wait for the old time", async () => {
    const { scene } = await running(groupOf("alert: A, expr: x > 0, for: 3s"));
    scene.set("x", 1);
    await scene.clock.advance(2000);
    scene.clock.stepWall(-3_600_000);
    scene.isComplete = false; // what is waited for is no longer than before
    await scene.clock.advance(8000);
    expect(scene.told).toEqual([expect.stringMatching(/^firing/)]);
  });

  test("that is slow leaves out times and counts them, and never overlaps itself", async () => {
    const { scene, runner } = await running(groupOf("alert: A, expr: x"));
    scene.queryDelayMs = 2500;
    const startMs = scene.clock.nowMs();
    await scene.clock.advance(8000);
    const seconds = scene.evaluatedMs.map((timeMs) => (timeMs - startMs) / 1000);
    expect(seconds).toStrictEqual([1, 3, 6]);
    expect(scene.total("telltale_rule_group_iterations_missed_total")).toBe(3);
    scene.queryDelayMs = 0;
    const closed = runner.close();
    await scene.clock.advance(3000);
    await closed;
  });
});

describe("a reload", () => {
  test("resolves the alerts of a rule that is gone, and keeps those of the others", async () => {
    const two = `${ALERT}      - { alert: Other, expr: load > 1 }\n`;
    const { scene, runner } = await running(two);
    await scene.load({ a: 2 }, 1000);
    expect(scene.told).toHaveLength(2);
    await scene.apply(runner, ALERT.replace("load > 0", "load > 1"));
    await scene.clock.advance(3000);
    expect(scene.told.slice(2)).toStrictEqual([
      'resolved {alertname="Other", instance="a", region="eu"}',
    ]);
    expect(alertsOf(runner)).toHaveLength(1);
  });

  test("leaves a group that did not change undisturbed", async () => {
    const other = "  - { name: h, rules: [{ record: r, expr: load }] }\n";
    const { scene, runner } = await running(ALERT + other);
    await scene.load({ a: 1 }, 1000);
    const before = runner.rules()[0];
    await scene.apply(runner, ALERT);
    expect(runner.rules()).toStrictEqual([before]);
    expect(scene.lastWrite("rules/r.yaml/h")).toStrictEqual([]);
  });

  test("that cannot be stored changes nothing", async () => {
    const { scene, runner } = await running(ALERT);
    await scene.load({ a: 2 }, 1000);
    scene.disk.isFull = true;
    await expect(scene.apply(runner, "groups: []")).rejects.toThrow(OperationalError);
    scene.disk.isFull = false;
    await scene.load({ a: 0 }, 2000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`, `resolved ${HIGH_A}`]);
    expect(runner.rules()).toHaveLength(1);
  });

  test("to an expression that finds other elements resolves what only the old one found", async () => {
    const { scene, runner } = await running(ALERT);
    scene.set("load", 2, { instance: "a" });
    scene.set("other", 0, { device: "x" });
    await scene.clock.advance(1000);
    await scene.apply(runner, ALERT.replace("load > 0", "other > 0"));
    await scene.clock.advance(1000);
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`, `resolved ${HIGH_A}`]);
  });

  test("after a restart, without the rule of a firing alert, resolves it", async () => {
    const { scene } = await running(ALERT);
    await scene.load({ a: 2 }, 1000);
    await running("groups: []", scene.crash());
    expect(scene.told).toStrictEqual([`firing ${HIGH_A}`, `resolved ${HIGH_A}`]);
  });
});
