import { expect, test } from "vitest";
import type { PostedSilence } from "../../../aggregator/model/silence.ts";
import { openSilences, type Silences } from "../../../aggregator/notify/silences.ts";
import type { Matcher, MatchType } from "../../../shared/model/columns.ts";
import { labelPairs, labelsOf, labelValue } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { SeededRandom } from "../../support/random.ts";

const HOUR_MS = 3_600_000;
const FULL = labelsOf({ alertname: "Full", disk: "a" });
const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** Silences that may be closed and opened again. */
class Scene {
  readonly disk = new MemoryDisk();
  readonly logger = new MemoryLogger();
  readonly metrics = new Metrics();
  readonly random = new SeededRandom(5);
  store = new MemoryStore(this.disk);
  silences = undefined as unknown as Silences; // `open` sets it

  static async open(): Promise<Scene> {
    const scene = new Scene();
    await scene.open();
    return scene;
  }

  async open(): Promise<void> {
    const { store, logger, metrics, random } = this;
    this.silences = await openSilences({ store, logger, metrics, random: random.next });
  }

  /** As after a power cut. */
  async restart(): Promise<void> {
    this.disk.crash(() => 0);
    this.store = new MemoryStore(this.disk);
    await this.open();
  }

  ids(): string[] {
    return this.silences.list().map(({ id }) => id);
  }
}

function posted(fields: Partial<PostedSilence> = {}): PostedSilence {
  const matchers: Matcher[] = [{ name: "alertname", type: "=", value: "Full" }];
  const times = { startsAtMs: 1000, endsAtMs: 5000 };
  return { id: null, matchers, ...times, createdBy: "me", comment: "", ...fields };
}

test("a silence is in force from its start until its end, and only for labels that match", async () => {
  const { silences } = await Scene.open();
  const id = await silences.set(posted(), 500);
  expect(id).toMatch(UUID);
  const at = (nowMs: number) => silences.activeFor(FULL, nowMs);
  expect([at(999), at(1000), at(4999), at(5000)]).toEqual([[], [id], [id], []]);
  expect(silences.activeFor(labelsOf({ alertname: "Other" }), 2000)).toEqual([]);
});

test("silences outlive a power cut right after the call", async () => {
  const scene = await Scene.open();
  const kept = await scene.silences.set(posted({ comment: "ü 🙂" }), 2000);
  const ended = await scene.silences.set(posted(), 2500);
  expect(await scene.silences.expire(ended, 3000)).toBe(true);
  const before = scene.silences.list();
  await scene.restart();
  expect(scene.silences.list()).toEqual(before);
  expect(scene.silences.list().map(({ id }) => id)).toEqual([ended, kept]);
  expect(scene.silences.activeFor(FULL, 3000)).toEqual([kept]);
});

test("of an unknown id nothing can end, and one that has ended cannot end again", async () => {
  const { silences } = await Scene.open();
  expect(await silences.expire("x", 0)).toBe(false);
  const id = await silences.set(posted(), 2000);
  await silences.expire(id, 3000);
  expect(silences.activeFor(FULL, 3000)).toEqual([]);
  await expect(silences.expire(id, 3000)).rejects.toMatchObject({ code: "QUERY" });
});

test("a change that makes a new silence ends the old one in the same batch", async () => {
  const scene = await Scene.open();
  const id = await scene.silences.set(posted(), 2000);
  const matchers: Matcher[] = [{ name: "disk", type: "=~", value: "a|b" }];
  const next = await scene.silences.set(posted({ id, matchers }), 3000);
  expect(next).not.toBe(id);
  await scene.restart();
  expect(scene.silences.list()).toMatchObject([{ id: next }, { id, endsAtMs: 3000 }].sort(byId));
  expect(scene.silences.activeFor(FULL, 3500)).toEqual([next]);
});

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);

test("when the disk is full everything is as before", async () => {
  const scene = await Scene.open();
  const id = await scene.silences.set(posted(), 2000);
  const before = scene.silences.list();
  scene.disk.isFull = true;
  await expect(scene.silences.set(posted(), 2000)).rejects.toMatchObject({ code: "STORAGE" });
  await expect(scene.silences.expire(id, 3000)).rejects.toMatchObject({ code: "STORAGE" });
  expect(scene.silences.list()).toEqual(before);
  expect(scene.silences.activeFor(FULL, 3000)).toEqual([id]);
  scene.disk.isFull = false;
  expect(await scene.silences.expire(id, 3000)).toBe(true);
});

test("a silence is kept for 120 hours after its end", async () => {
  const scene = await Scene.open();
  const old = await scene.silences.set(posted(), 2000);
  const write = (nowMs: number) =>
    scene.silences.set(posted({ startsAtMs: nowMs, endsAtMs: nowMs + 1 }), nowMs);
  await write(5000 + 120 * HOUR_MS - 1);
  expect(scene.ids()).toContain(old);
  await write(5000 + 120 * HOUR_MS);
  expect(scene.ids()).not.toContain(old);
  await scene.restart();
  expect(scene.ids()).toHaveLength(2);
  expect(scene.ids()).not.toContain(old);
});

test("damaged records are counted and left where they are, and the others load", async () => {
  const scene = await Scene.open();
  const id = await scene.silences.set(posted(), 2000);
  const good = scene.silences.list()[0];
  const records: Record<string, string> = {
    "x|broken": "{",
    "x|other-name": JSON.stringify(good),
    "x|regex": JSON.stringify({
      ...good,
      id: "regex",
      matchers: [{ name: "a", type: "=~", value: "(" }],
    }),
    "x|empty": JSON.stringify({ ...good, id: "empty", matchers: [] }),
  };
  const operations = Object.entries(records).map(([key, value]) => {
    return { type: "put", key: Buffer.from(key), value: Buffer.from(value) } as const;
  });
  await scene.store.batch(operations, { sync: true });
  await scene.restart();
  expect(scene.ids()).toEqual([id]);
  expect(metricTotal(scene.metrics, "telltale_silences_damaged_total")).toBe(4);
  expect(scene.logger.messages("error")).toHaveLength(4);
  expect(scene.disk.durableEntries()).toHaveLength(5);
});

test("beyond 10,000 none is made, and those that are there can end", async () => {
  const scene = await Scene.open();
  const first = await scene.silences.set(posted(), 2000);
  const good = scene.silences.list()[0];
  const operations = Array.from({ length: 9999 }, (_, i) => {
    const value = Buffer.from(JSON.stringify({ ...good, id: `n${i}` }));
    return { type: "put", key: Buffer.from(`x|n${i}`), value } as const;
  });
  await scene.store.batch(operations, { sync: true });
  await scene.restart();
  await expect(scene.silences.set(posted(), 2000)).rejects.toMatchObject({ code: "LIMIT" });
  expect(
    await scene.silences.set(posted({ id: first, startsAtMs: 2000, comment: "x" }), 2000),
  ).toBe(first);
  expect(await scene.silences.expire(first, 3000)).toBe(true);
});

test("those that match are found as by trying each of them", async () => {
  const scene = await Scene.open();
  const random = new SeededRandom(11);
  const types: MatchType[] = ["=", "!=", "=~", "!~"];
  const someMatcher = (): Matcher => {
    return { name: random.pick(["a", "b"]), type: random.pick(types), value: random.pick(VALUES) };
  };
  for (let i = 0; i < 200; i += 1) {
    const matchers = Array.from({ length: random.int(1, 3) }, someMatcher);
    await scene.silences
      .set(posted({ matchers, startsAtMs: random.int(0, 4000) }), 0)
      .catch((error) => expect(error.message).toContain("must not match the empty string"));
  }
  let found = 0;
  for (let i = 0; i < 500; i += 1) {
    await changeOne(scene, random);
    const list = scene.silences.list();
    const labels = labelsOf({ a: random.pick(VALUES), b: random.pick(VALUES) });
    const nowMs = random.int(0, 6000);
    const expected = list.filter(
      ({ matchers, startsAtMs, endsAtMs }) =>
        nowMs >= startsAtMs && nowMs < endsAtMs && matchers.every((one) => holds(one, labels)),
    );
    found += expected.length;
    const ids = expected.map(({ id }) => id).sort();
    expect(scene.silences.activeFor(labels, nowMs), labelPairs(labels).join()).toEqual(ids);
  }
  expect(found).toBeGreaterThan(1000);
});

/** Ends one, or makes it end earlier or later: what was found before may be wrong then. */
async function changeOne({ silences }: Scene, random: SeededRandom): Promise<void> {
  const one = random.pick(silences.list().filter(({ endsAtMs }) => endsAtMs > 0));
  if (random.chance(0.1)) await silences.expire(one.id, 0);
  else await silences.set({ ...one, endsAtMs: random.int(4001, 6000) }, 0);
}

/** As a pattern each of these matches itself alone. */
const VALUES = ["", "x", "y", "z"];

function holds({ name, type, value }: Matcher, labels: readonly string[]): boolean {
  const isEqual = labelValue(labels, name) === value;
  return type === "=" || type === "=~" ? isEqual : !isEqual;
}
