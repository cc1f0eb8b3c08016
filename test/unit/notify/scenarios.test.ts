/** Alertmanager's acceptance scenarios, on a faked clock. The letters are those of SCENARIOS.md. */

import { expect, test } from "vitest";
import type { Integration } from "../../../aggregator/notify/integrations/integration.ts";
import type { InhibitRule, NotifyConfig, Route } from "../../../aggregator/notify/routing.ts";
import { type Labels, labelsOf, labelValue } from "../../../shared/model/labels.ts";
import { FAKE_START_MS } from "../../support/fake-clock.ts";
import { hook, route, routing } from "../../support/notify-routing.ts";
import { NotifyScene } from "./notify-scene.ts";

/** One post: labels, start and end in seconds from time 0, annotation `ann`. */
type Post = {
  readonly labels: Record<string, string>;
  readonly at?: readonly [startS: number | null, endS?: number];
  readonly ann?: string;
};

const ONE_MS = 1;

class Run {
  readonly scene: NotifyScene;
  /** `seconds url: alert alert`, each as `name[start:end]` with its other labels. */
  readonly got: string[] = [];

  private constructor(scene: NotifyScene) {
    this.scene = scene;
  }

  static async open(config: NotifyConfig, fields: Partial<NotifyScene> = {}): Promise<Run> {
    return new Run(await NotifyScene.open({ config, ...fields }));
  }

  async until(seconds: number): Promise<void> {
    const { clock } = this.scene;
    await clock.advance(FAKE_START_MS + seconds * 1000 - clock.nowMs());
  }

  async post(seconds: number, ...posts: readonly Post[]): Promise<void> {
    await this.until(seconds);
    const ms = (one: number | null | undefined) =>
      typeof one === "number" ? FAKE_START_MS + one * 1000 : null;
    for (const { labels, at = [null], ann } of posts) {
      const annotations = labelsOf(ann === undefined ? {} : { ann });
      const times = { startsAtMs: ms(at[0]), endsAtMs: ms(at[1]) };
      await this.scene.post({ labels: labelsOf(labels), annotations, ...times });
    }
  }

  /** What was sent, each with its time in seconds. */
  sent(host = "ops"): string[] {
    const { notifications, requests, requestsMs } = this.scene;
    return notifications.flatMap(({ alerts }, i) => {
      if (!requests[i]?.startsWith(`${host}:`)) return [];
      const texts = alerts.map(({ labels, annotations, startsAtMs, endsAtMs }) => {
        const ann = labelValue(annotations, "ann");
        const end = endsAtMs === null ? "" : seconds(endsAtMs);
        return `${nameOf(labels)}[${seconds(startsAtMs)}:${end}]${ann === "" ? "" : ` ${ann}`}`;
      });
      return [`${seconds(requestsMs[i] ?? 0)}: ${texts.join(", ")}`];
    });
  }
}

const seconds = (ms: number) => String((ms - FAKE_START_MS) / 1000);

/** All values but the job's, which says nothing. */
function nameOf(labels: Labels): string {
  const values = labels.filter((_, i) => i % 2 === 1 && labels[i - 1] !== "job");
  return values.join(" ");
}

function config(
  parts: Partial<Route>,
  timing: readonly [waitS: number, intervalS: number, repeatMs: number],
  more: { readonly hooks?: readonly Integration[]; readonly rules?: readonly InhibitRule[] } = {},
): NotifyConfig {
  const [waitS, intervalS, repeatIntervalMs] = timing;
  const times = { groupWaitMs: waitS * 1000, groupIntervalMs: intervalS * 1000, repeatIntervalMs };
  const root = route({ ...parts, ...times });
  return routing(root, more.hooks ?? [hook("ops")], { inhibitRules: more.rules ?? [] });
}

const BY_NAME = { groupBy: ["alertname"] };
const TOGETHER = { groupBy: [] };
const named = (alertname: string, more: Record<string, string> = {}) => ({
  labels: { alertname, ...more },
});

test.each([
  { kind: "without an end", end: () => [] },
  { kind: "with an end to come", end: (startS: number) => [startS + 3] },
])("S1: alerts of the same labels merge, $kind", async ({ end }) => {
  const run = await Run.open(config(BY_NAME, [1, 1, ONE_MS]));
  const from = (startS: number) => [startS, ...end(startS)] as [number, number?];
  const test = named("test");
  await run.post(1, { ...test, at: from(1.1) });
  await run.post(1.2, { ...test, at: from(1) });
  await run.post(2.1, { ...test, at: from(2), ann: "v1" });
  await run.post(3.6, { ...test, at: from(1.5), ann: "v2" });
  await run.post(4.6, { ...test, at: [3, 4.5], ann: "v2" });
  await run.post(
    4.8,
    { ...test, at: [2.9, 4.8], ann: "v3" },
    { ...test, at: [2.9, 4.1], ann: "v3" },
  );
  await run.post(5.3, { ...test, at: from(5) });
  await run.until(6.9);
  expect(run.sent()).toStrictEqual([
    "2: test[1:]",
    "3: test[1:] v1",
    "4: test[1:] v2",
    "5: test[1:4.8] v3",
    "6.3: test[5:]",
  ]);
});

test("S2: a group is sent again after repeat_interval, until it is over", async () => {
  const run = await Run.open(config(BY_NAME, [1, 1, ONE_MS]));
  await run.post(1, { ...named("test"), at: [1] });
  await run.post(3.5, { ...named("test"), at: [1, 3] });
  await run.until(10);
  expect(run.sent()).toStrictEqual(["2: test[1:]", "3: test[1:]", "4: test[1:3]"]);
});

test("S3: each integration repeats by its own record, and retries within a flush", async () => {
  const hooks = [hook("ops 0", {}, "http://one/"), hook("ops 1", {}, "http://two/")];
  const run = await Run.open(config(BY_NAME, [1, 2, 3000], { hooks }), {
    answer: (url) =>
      url === "http://two/" && run.scene.clock.nowMs() < FAKE_START_MS + 4500 ? 503 : 200,
  });
  await run.post(1, { ...named("test1"), at: [1] });
  await run.until(8);
  expect(run.sent("one")).toStrictEqual(["2: test1[1:]", "6: test1[1:]"]);
  const late = run
    .sent("two")
    .map((one) => Number.parseFloat(one))
    .filter((atS) => atS > 4.5);
  expect(late[0]).toBeLessThan(8);
});

test("S4: what comes soon after one another is sent together", async () => {
  const run = await Run.open(config(TOGETHER, [1, 1, 4900]));
  await run.post(1.1, { ...named("test1"), at: [1] });
  await run.post(1.7, { ...named("test5"), at: [1] });
  const more = [named("test2"), named("test3"), named("test4")];
  await run.post(3.3, ...more.map((one, i) => ({ ...one, at: [i === 2 ? 1.6 : 1.5] as const })));
  await run.until(12);
  const five = "test1[1:], test2[1.5:], test3[1.5:], test4[1.6:], test5[1:]";
  // The first started at 1 and came at 1.1: group_wait counts from when it came, as far as it waits.
  expect(run.sent()).toStrictEqual(["2.1: test1[1:], test5[1:]", `4.1: ${five}`, `9.1: ${five}`]);
});

test.each([1, 2])("S5: an alert that is not posted again is resolved by its time-out", async () => {
  const resolveTimeoutMs = 10_000;
  const run = await Run.open({ ...config(BY_NAME, [1, 5, 3_600_000]), resolveTimeoutMs });
  await run.post(1, named("test", { lbl: "v1" }), named("test", { lbl: "v2" }));
  await run.until(20);
  expect(run.sent()).toStrictEqual([
    "2: test v1[1:], test v2[1:]",
    "12: test v1[1:11], test v2[1:11]",
  ]);
});

test("S6: send_resolved is each integration's own", async () => {
  const hooks = [
    hook("ops 0", {}, "http://a/"),
    hook("ops 1", { sendsResolved: false }, "http://b/"),
  ];
  const base = config(BY_NAME, [1, 5, 3_600_000], { hooks });
  const run = await Run.open({ ...base, resolveTimeoutMs: 10_000 });
  await run.post(1, { ...named("test", { l: "v1" }), at: [1] }, named("test", { l: "v2" }));
  await run.post(3, { ...named("test", { l: "v1" }), at: [1, 4] }, named("test", { l: "v3" }));
  await run.post(8, { ...named("test", { l: "v3" }), at: [3] });
  await run.until(15);
  expect(run.sent("a")).toStrictEqual([
    "2: test v1[1:], test v2[1:]",
    "7: test v1[1:4], test v2[1:], test v3[3:]",
    "12: test v2[1:11], test v3[3:]",
  ]);
  expect(run.sent("b")).toStrictEqual([
    "2: test v1[1:], test v2[1:]",
    "7: test v2[1:], test v3[3:]",
  ]);
});

test("S7: nothing is sent before the start delay is over, also after a reload", async () => {
  const run = await Run.open(config(TOGETHER, [1, 6, 600_000]), { startDelayMs: 5000 });
  await run.post(1, named("test1"));
  await run.post(2, named("test2"));
  await run.until(5.5);
  await run.scene.configure();
  await run.post(6, named("test3"));
  await run.post(7, named("test4"));
  await run.until(12);
  expect(run.sent()).toStrictEqual([
    "5: test1[1:], test2[2:]",
    "11.5: test1[1:], test2[2:], test3[6:], test4[7:]",
  ]);
});

test("S8: a reload sends nothing again, and counts the interval anew", async () => {
  const run = await Run.open(config(TOGETHER, [1, 6, 600_000]));
  await run.post(1, named("test1"));
  await run.until(3);
  await run.scene.configure();
  await run.post(4, named("test2"));
  await run.until(14);
  expect(run.sent()).toStrictEqual(["2: test1[1:]", "9: test1[1:], test2[4:]"]);
});

test("S9: a webhook that does not answer in time is tried again, not at the next flush", async () => {
  const hooks = [hook("ops", { timeoutMs: 500 })];
  const run = await Run.open(config(BY_NAME, [1, 60, 60_000], { hooks }), {
    answer: () => (run.scene.clock.nowMs() < FAKE_START_MS + 3000 ? "silence" : 200),
  });
  await run.post(1, named("test1"));
  await run.until(10);
  const times = run.sent().map((one) => Number.parseFloat(one));
  expect(times.filter((atS) => atS >= 3)).toHaveLength(1);
  expect(times.at(-1)).toBeLessThan(4);
  expect(run.scene.total("delivered")).toBe(1);
});

const is = (name: string, value: string) => ({
  matchers: [{ name, type: "=", value } as const],
  matches: (labels: Labels) => labelValue(labels, name) === value,
});
const JOB_DOWN: InhibitRule = {
  source: is("alertname", "JobDown"),
  target: is("alertname", "InstanceDown"),
  equal: ["job", "zone"],
};
const down = (alertname: string, zone: string) => named(alertname, { job: "testjob", zone });

test("I1: an alert is left out as long as another one mutes it", async () => {
  const run = await Run.open(config(TOGETHER, [1, 1, 1000], { rules: [JOB_DOWN] }));
  await run.post(1, named("test1"), down("InstanceDown", "aa"), down("InstanceDown", "ab"));
  await run.post(2.2, { ...down("JobDown", "aa"), at: [2.2] });
  await run.post(3.6, { ...down("JobDown", "aa"), at: [2.2, 3.6] });
  await run.until(4.5);
  expect(run.sent()).toStrictEqual([
    "2: InstanceDown aa[1:], InstanceDown ab[1:], test1[1:]",
    "3: InstanceDown ab[1:], JobDown aa[2.2:], test1[1:]",
    "4: InstanceDown aa[1:], InstanceDown ab[1:], JobDown aa[2.2:3.6], test1[1:]",
  ]);
});

test("I2: an alert that was muted is in the message when both are over", async () => {
  const run = await Run.open(config(TOGETHER, [1, 1, 1000], { rules: [JOB_DOWN] }));
  await run.post(1, down("InstanceDown", "aa"), down("JobDown", "aa"));
  const over = [1, 2.6] as const;
  await run.post(
    2.6,
    { ...down("InstanceDown", "aa"), at: over },
    { ...down("JobDown", "aa"), at: over },
  );
  await run.until(6);
  expect(run.sent()).toStrictEqual([
    "2: JobDown aa[1:]",
    "3: InstanceDown aa[1:2.6], JobDown aa[1:2.6]",
  ]);
});

test("an alert on both sides of a rule is not muted by another that is", async () => {
  const both: InhibitRule = { source: is("s", "x"), target: is("s", "x"), equal: [] };
  const run = await Run.open(config(TOGETHER, [1, 1, 3_600_000], { rules: [both] }));
  await run.post(1, named("a", { s: "x" }), named("b", { s: "x" }));
  await run.until(3);
  expect(run.sent()).toStrictEqual(["2: a x[1:], b x[1:]"]);
});

test("L1: an alert is left out as long as it is silenced", async () => {
  const run = await Run.open(config(TOGETHER, [1, 1, ONE_MS]));
  await run.post(1, { ...named("test1"), at: [1] }, { ...named("test2"), at: [1] });
  await run.until(2.5);
  run.scene.silenced = new Set(["test1"]);
  await run.until(4.5);
  run.scene.silenced = new Set();
  await run.until(5.5);
  expect(run.sent()).toStrictEqual([
    "2: test1[1:], test2[1:]",
    "3: test2[1:]",
    "4: test2[1:]",
    "5: test1[1:], test2[1:]",
  ]);
});

test("L2: nothing is sent while all is silenced", async () => {
  const run = await Run.open(config(TOGETHER, [1, 1, ONE_MS]));
  await run.post(1, named("test1"), named("test2"));
  run.scene.silenced = new Set(["test1", "test2"]);
  await run.until(3.5);
  run.scene.silenced = new Set();
  await run.until(4.5);
  expect(run.sent()).toStrictEqual(["4: test1[1:], test2[1:]"]);
});

test("a route is mute in its mute times and outside of its active times", async () => {
  const at = (fromS: number, toS: number) => (timeMs: number) =>
    timeMs >= FAKE_START_MS + fromS * 1000 && timeMs < FAKE_START_MS + toS * 1000;
  const timeIntervals = new Map([
    ["night", at(0, 2.5)],
    ["office", at(0, 5.5)],
  ]);
  const base = config({ ...TOGETHER, muteTimes: ["night"], activeTimes: ["office"] }, [
    1,
    1,
    ONE_MS,
  ]);
  const run = await Run.open({ ...base, timeIntervals });
  await run.post(1, named("test1"));
  await run.until(8);
  expect(run.sent()).toStrictEqual(["3: test1[1:]", "4: test1[1:]", "5: test1[1:]"]);
});

test("a group of which everything is silenced says nothing, and goes on where it was", async () => {
  const run = await Run.open(config(TOGETHER, [1, 1, 3_600_000]));
  await run.post(1, named("test1"));
  await run.until(2.5);
  run.scene.silenced = new Set(["test1"]);
  await run.until(6.5);
  run.scene.silenced = new Set();
  await run.post(7.5, { ...named("test1"), at: [1, 7] });
  await run.until(10);
  expect(run.sent()).toStrictEqual(["2: test1[1:]", "8: test1[1:7]"]);
});
