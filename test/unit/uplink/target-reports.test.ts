import { expect, test } from "vitest";
import { type BegunTarget, TargetBook } from "../../../agent/model/target-book.ts";
import { TargetReports } from "../../../agent/uplink/target-reports.ts";
import { NO_TARGETS, withTargets } from "../../../aggregator/fleet/targets-state.ts";
import { checkedTargets } from "../../../aggregator/ingest/target-report.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import type { AgentMessage__Output } from "../../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import { loadTelltale } from "../../../shared/wire/proto.ts";

const TARGET: BegunTarget = {
  isProbe: false,
  job: "app",
  url: "http://app:80/metrics",
  labels: labelsOf({ instance: "app:80", job: "app" }),
  discovered: labelsOf({ __address__: "app:80" }),
  intervalMs: 1000,
  timeoutMs: 1000,
};

/** A book, a session that tells of it, and what an aggregator then knows; messages go over the wire. */
class Scene {
  readonly book = new TargetBook();
  reports = new TargetReports(this.book);
  known = NO_TARGETS;
  nowMs = 0;
  bytes = 0;

  /** What is said `ms` later. */
  say(ms = 2000): number {
    this.nowMs += ms;
    const messages = this.reports.due(this.nowMs);
    const { requestSerialize, requestDeserialize } = loadTelltale().v1.Ingest.service.Stream;
    for (const message of messages) {
      const bytes = requestSerialize(message);
      this.bytes += bytes.length;
      const { targets } = requestDeserialize(bytes) as AgentMessage__Output;
      if (targets) this.known = withTargets(this.known, checkedTargets(targets));
    }
    return messages.length;
  }

  get healths() {
    return [...this.known.targets.values()].map(({ id, health, error }) => [id, health, error]);
  }
}

test("a session tells all at first, then what has changed, and nothing where nothing has", () => {
  const scene = new Scene();
  const list = scene.book.open(labelsOf({ zone: "a", job: "mine" }));
  const [one, two] = [list.begin(TARGET), list.begin(TARGET)];
  expect(scene.say()).toBe(1);
  expect(scene.known.targets.get(one.id)?.labels).toEqual(
    labelsOf({ instance: "app:80", job: "app", zone: "a" }),
  );
  one.scraped("", []);
  two.scraped("app:80: refused", [{ reason: "duplicate", samples: 2 }]);
  expect(scene.say(500)).toBe(0); // not yet
  expect(scene.say(1500)).toBe(1);
  expect(scene.healths).toEqual([
    [1, "up", ""],
    [2, "down", "app:80: refused"],
  ]);
  expect(scene.known.targets.get(two.id)?.leftOut).toEqual([{ reason: "duplicate", samples: 2 }]);
  one.scraped("", []);
  expect(scene.say()).toBe(0);
  list.end(one);
  expect(scene.say()).toBe(1);
  expect(scene.healths).toEqual([[2, "down", "app:80: refused"]]);
});

test("a new session tells all anew, and nothing that was told before stands", () => {
  const scene = new Scene();
  const before = scene.book.open([]);
  before.begin(TARGET);
  before.setRefused([{ subject: "db", reason: "it names no port" }]);
  scene.say();
  expect(scene.known.notes.refused).toHaveLength(1);
  before.close();
  const entry = scene.book.open([]).begin(TARGET);
  scene.reports = new TargetReports(scene.book);
  scene.say(0);
  expect(scene.healths).toEqual([[entry.id, "unknown", ""]]);
  expect(scene.known.notes.refused).toEqual([]);
});

test("of what is too much, the rest is counted; there is room for it later", () => {
  const scene = new Scene();
  const list = scene.book.open([]);
  const entries = Array.from({ length: 2003 }, () => list.begin(TARGET));
  list.setDropped("app", {
    first: Array.from({ length: 150 }, () => ({ discovered: [], reason: "dropped" })),
    count: 5000,
  });
  expect(scene.say()).toBe(4);
  expect(scene.known.targets.size).toBe(2000);
  expect(scene.known.notes).toMatchObject({
    targetsLeftOut: 3,
    droppedCounts: [{ job: "app", count: 5000 }],
  });
  expect(scene.known.notes.dropped).toHaveLength(100);
  for (const entry of entries.slice(0, 10)) list.end(entry);
  scene.say();
  expect(scene.known.targets.size).toBe(1993);
  expect(scene.known.notes.targetsLeftOut).toBe(0);
});

test("long texts are cut, and that is said", () => {
  const scene = new Scene();
  const list = scene.book.open([]);
  const entry = list.begin({
    ...TARGET,
    url: `http://app/${"u".repeat(5000)}`,
    discovered: labelsOf({ a: "a".repeat(3000), b: "b".repeat(3000) }),
  });
  entry.scraped("e".repeat(5000), []);
  scene.say();
  const target = scene.known.targets.get(entry.id);
  expect(target?.isCut).toBe(true);
  expect([target?.url.length, target?.error.length, target?.discovered.length]).toEqual([
    1024, 500, 2,
  ]);
});

test("200 targets that are up and stay so cost a message once; a flapping one costs itself", () => {
  const scene = new Scene();
  const list = scene.book.open([]);
  const entries = Array.from({ length: 200 }, () => list.begin(TARGET));
  for (const entry of entries) entry.scraped("", []);
  scene.say();
  const first = scene.bytes;
  for (let second = 0; second < 60; second += 1) {
    for (const entry of entries) entry.scraped("", []);
    scene.say(1000);
  }
  expect(scene.bytes).toBe(first);
  for (let second = 0; second < 60; second += 1) {
    entries[0]?.scraped(second % 2 === 0 ? "app:80: refused" : "", []);
    scene.say(1000);
  }
  expect(scene.bytes - first).toBeLessThan(30 * 200);
});
