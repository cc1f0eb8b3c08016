import { describe, expect, test } from "vitest";
import type { SeriesStore } from "../../../aggregator/series/series-store.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import type { Entry } from "../../../shared/platform/ports.ts";
import { takenColumns } from "../../support/taken-columns.ts";
import { StoreBed } from "./bed.ts";
import { counter, everything, ModelAgent, type TickValue } from "./model.ts";

const HOUR = 3_600_000;
const ALL = { gte: new Uint8Array(), lt: Uint8Array.of(255) };

const values = (raw: number): TickValue[] => [counter("a", 0, raw), counter("b", 0, raw * 7, 1)];

async function fill(bed: StoreBed, agent: ModelAgent, count: number, stepMs: number) {
  const store = await bed.open();
  for (let i = 0; i < count; i += 1) {
    await bed.clock.advance(stepMs);
    await store.commit(agent.items(agent.tick(bed.clock.nowMs(), [0], values(i))));
    if (i % 10 === 0) {
      await store.cutDue();
      await store.compactDue();
      await store.dropExpired();
    }
  }
  return store;
}

const sizes = async (store: SeriesStore) =>
  [...(await everything(store)).values()].map(({ size }) => size);

async function entriesOf(bed: StoreBed, prefix: string): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const entry of bed.raw.entries(ALL)) {
    if (entry[0][0] === prefix.charCodeAt(0)) found.push(entry);
  }
  return found;
}

describe("upkeep", () => {
  test("moves what is old enough to chunks and lets go of its frames", async () => {
    const bed = new StoreBed();
    const store = await fill(bed, new ModelAgent("alpha"), 500, 1000);
    const before = await everything(store);
    expect((await entriesOf(bed, "c")).length).toBeGreaterThan(0);
    expect((await entriesOf(bed, "w")).length).toBeLessThan(250);
    expect(await sizes(store)).toEqual([500, 500]);
    expect(await everything(await bed.reopen())).toEqual(before);
  });

  test("cuts a stream that has gone silent to the end", async () => {
    const bed = new StoreBed();
    const store = await fill(bed, new ModelAgent("alpha"), 30, 1000);
    const before = await everything(store);
    await bed.clock.advance(60_000);
    await store.cutDue();
    expect(await entriesOf(bed, "w")).toEqual([]);
    expect(await everything(store)).toEqual(before);
    expect(await everything(await bed.reopen())).toEqual(before);
  });

  test("drops what is older than the retention, and the series and streams it was of", async () => {
    const bed = new StoreBed({ retentionMs: 4 * HOUR, chunkMs: 300_000 });
    const gone = new ModelAgent("gone");
    await fill(bed, gone, 20, 60_000);
    await bed.reopen();
    const agent = new ModelAgent("alpha");
    const store = await fill(bed, agent, 12 * 60, 60_000);
    const { clock } = bed;
    const kept = await sizes(store);
    expect(kept).toHaveLength(2);
    expect(Math.min(...kept)).toBeGreaterThanOrEqual(4 * 60);
    expect(Math.max(...kept)).toBeLessThanOrEqual(6 * 60 + 1);
    expect(store.streams().map(({ node }) => node)).toEqual(["alpha"]);
    expect(await store.labelValues("instance", [], 0, clock.nowMs())).toEqual(["alpha"]);
    expect(store.position("gone", gone.streamId).lastSeq).toBe(0);
    expect((await entriesOf(bed, "s")).length).toBe(2);
    expect((await entriesOf(bed, "t")).length).toBe(1);
  });

  test("does not wipe the store when the clock jumps ahead", async () => {
    const bed = new StoreBed({ retentionMs: 4 * HOUR });
    const store = await fill(bed, new ModelAgent("alpha"), 300, 1000);
    const before = await everything(store);
    bed.clock.stepWall(365 * 24 * HOUR);
    await store.dropExpired();
    expect(await everything(store)).toEqual(before);
  });

  test("that finds the disk full leaves everything as it is and goes on later", async () => {
    const bed = new StoreBed();
    const agent = new ModelAgent("alpha");
    const store = await fill(bed, agent, 30, 1000);
    const before = await everything(store);
    await bed.clock.advance(60_000);
    bed.disk.isFull = true;
    await expect(store.cutDue()).rejects.toMatchObject({ code: "STORAGE" });
    expect(await everything(store)).toEqual(before);
    bed.disk.isFull = false;
    await store.cutDue();
    expect(await entriesOf(bed, "w")).toEqual([]);
    expect(await everything(store)).toEqual(before);
  });
});

test("a backlog that comes faster than it is cut gets no room until it is; other streams do", async () => {
  const bed = new StoreBed();
  const store = await bed.open();
  const agent = new ModelAgent("alpha");
  const items = Array.from({ length: 700 }, (_, i) =>
    agent.items(agent.tick(bed.clock.nowMs() + i * 100 - 70_000, [0], values(i))),
  );
  await store.commit(items.flat());
  let hasRoom = false;
  const room = store.room("alpha", agent.streamId).then(() => {
    hasRoom = true;
  });
  await store.room("beta", agent.streamId);
  expect(hasRoom).toBe(false);
  await room;
  expect((await entriesOf(bed, "c")).length).toBeGreaterThan(0);
  expect((await entriesOf(bed, "w")).length).toBeLessThan(250);
});

describe("a damaged record", () => {
  async function damage(bed: StoreBed, entry: Entry | undefined): Promise<void> {
    if (entry === undefined) throw new Error("nothing to damage");
    const value = entry[1].slice();
    value[value.length >> 1] = (value[value.length >> 1] ?? 0) ^ 0x40;
    await bed.raw.batch([{ type: "put", key: entry[0], value }], { sync: true });
  }

  test.each(["t", "k", "d", "w", "s"])(
    "of kind %s is set aside, counted, and the start goes on",
    async (kind) => {
      const bed = new StoreBed();
      const agent = new ModelAgent("alpha");
      await fill(bed, agent, 260, 1000);
      const entries = await entriesOf(bed, kind);
      await damage(bed, entries[entries.length >> 1]);
      const store = await bed.reopen();
      expect(bed.counted("telltale_store_damaged_records_total")).toBe(1);
      expect((await entriesOf(bed, "q")).length).toBe(1);
      expect(bed.logger.messages("error").length).toBe(1);
      // The agent goes on: at the latest after its next keyframe samples are stored again.
      for (let i = 0; i < 7; i += 1) {
        await bed.clock.advance(1000);
        await store.commit(agent.items(agent.tick(bed.clock.nowMs(), [0], values(i))));
      }
      const last = await takenColumns(
        await store.select([], bed.clock.nowMs() - 500, bed.clock.nowMs()),
      );
      expect(last.map((series) => series.values[0])).toEqual([6, 4.2]);
      await bed.reopen();
      expect(bed.counted("telltale_store_damaged_records_total")).toBe(0);
    },
  );

  test("in the log costs the frames up to the next keyframe, which are counted", async () => {
    const bed = new StoreBed();
    const agent = new ModelAgent("alpha", 10);
    await fill(bed, agent, 20, 1000);
    const frames = await entriesOf(bed, "w");
    await damage(bed, frames[3]);
    let store = await bed.reopen();
    expect(bed.counted("telltale_store_undecodable_frames_total")).toBe(6);
    expect(await sizes(store)).toEqual([13, 13]);
    expect(store.position("alpha", agent.streamId).lastSeq % 2 ** 32).toBe(20);
    // Without a later keyframe the agent is asked again for what it may still have.
    const tail = await entriesOf(bed, "w");
    await damage(bed, tail[tail.length - 3]);
    store = await bed.reopen();
    expect(store.position("alpha", agent.streamId).lastSeq % 2 ** 32).toBe(17);
  });

  test("among chunks is skipped by a query and set aside once", async () => {
    const bed = new StoreBed();
    const store = await fill(bed, new ModelAgent("alpha"), 600, 1000);
    const chunks = await entriesOf(bed, "c");
    await damage(bed, chunks[0]);
    for (let i = 0; i < 2; i += 1) {
      const [kept] = await sizes(store);
      expect(kept).toBeLessThan(600);
      expect(kept).toBeGreaterThan(300);
    }
    expect(bed.counted("telltale_store_damaged_records_total")).toBe(1);
  });

  test("a store of a later version is not opened", async () => {
    const bed = new StoreBed();
    await bed.open();
    await bed.raw.batch([{ type: "put", key: Uint8Array.of(0x6d), value: Uint8Array.of(9) }], {
      sync: true,
    });
    await expect(bed.reopen()).rejects.toMatchObject({ code: "STORAGE" });
  });
});

test("a select gives what is in its time, start excluded, end included", async () => {
  const bed = new StoreBed();
  const store = await fill(bed, new ModelAgent("alpha"), 400, 1000);
  const endMs = bed.clock.nowMs();
  for (const [from, to] of [
    [1, 400],
    [10, 10],
    [50, 130],
    [119, 121],
    [390, 400],
  ] as const) {
    const startMs = endMs - 400_000;
    const matchers = [{ name: "__name__", type: "=", value: "a" }] as const;
    const selected = await store.select(matchers, startMs + (from - 1) * 1000, startMs + to * 1000);
    const [series] = await takenColumns(selected);
    expect(series?.labels).toEqual(labelsOf({ __name__: "a", instance: "alpha", job: "node" }));
    expect([...(series?.values ?? [])]).toEqual(
      Array.from({ length: to - from + 1 }, (_, i) => from - 1 + i),
    );
  }
});
