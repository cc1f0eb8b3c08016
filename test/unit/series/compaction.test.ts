import { describe, expect, test } from "vitest";
import { CHUNK_VERSION } from "../../../aggregator/series/chunk.ts";
import type { SeriesStore } from "../../../aggregator/series/series-store.ts";
import type { Entry } from "../../../shared/platform/ports.ts";
import { StoreBed } from "./bed.ts";
import { counter, everything, ModelAgent } from "./model.ts";

const HOUR_MS = 3_600_000;
const ALL = { gte: new Uint8Array(), lt: Uint8Array.of(255) };

async function fill(bed: StoreBed, store: SeriesStore, agent: ModelAgent, count: number) {
  for (let i = 0; i < count; i += 1) {
    await bed.clock.advance(20_000);
    const values = [counter("a", 0, i), counter("b", 0, (i * 7919) % 1000)];
    await store.commit(agent.items(agent.tick(bed.clock.nowMs(), [0], values)));
    if (i % 50 === 0) await store.cutDue();
  }
}

async function entriesOf(bed: StoreBed, prefix: string): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const entry of bed.raw.entries(ALL)) {
    if (entry[0][0] === prefix.charCodeAt(0)) found.push(entry);
  }
  return found;
}

const versions = async (bed: StoreBed) => (await entriesOf(bed, "c")).map(([, value]) => value[0]);

/** Five hours at 20 s, in chunks of 40 minutes: two partitions of two hours are complete. */
async function filled(): Promise<{ bed: StoreBed; store: SeriesStore; agent: ModelAgent }> {
  const bed = new StoreBed({ chunkMs: 1_200_000, retentionMs: 48 * HOUR_MS });
  const store = await bed.open();
  const agent = new ModelAgent("alpha");
  await fill(bed, store, agent, 930);
  return { bed, store, agent };
}

async function compact(store: SeriesStore): Promise<void> {
  await store.compactDue(); // looks which partitions are still written to
  await store.compactDue();
}

describe("compaction", () => {
  test("makes one chunk of many in each partition that is complete, with the same samples", async () => {
    const { bed, store } = await filled();
    const before = await everything(store);
    const chunksBefore = (await versions(bed)).length;
    await compact(store);
    const kinds = await versions(bed);
    expect(kinds.filter((kind) => kind === CHUNK_VERSION.merged).length).toBe(2);
    expect(kinds.length).toBeLessThan(chunksBefore);
    expect((await entriesOf(bed, "p")).length).toBe(2);
    expect(await everything(store)).toEqual(before);
    expect(await everything(await bed.reopen())).toEqual(before);
  });

  test("is not done again, nor while chunks are added", async () => {
    const { bed, store, agent } = await filled();
    await store.compactDue();
    expect(await versions(bed)).not.toContain(CHUNK_VERSION.merged);
    await store.compactDue();
    const done = await entriesOf(bed, "c");
    const reopened = await bed.reopen();
    await reopened.compactDue();
    expect((await entriesOf(bed, "c")).map(([, value]) => value)).toEqual(
      done.map(([, value]) => value),
    );
    await fill(bed, reopened, agent, 10);
    expect((await versions(bed)).filter((kind) => kind === CHUNK_VERSION.merged).length).toBe(2);
  });

  test("takes in what comes late", async () => {
    const { bed, store } = await filled();
    await compact(store);
    const late = new ModelAgent("beta");
    const startMs = bed.clock.nowMs() - 4 * HOUR_MS;
    for (let i = 0; i < 500; i += 1) {
      const values = [counter("a", 0, i * 3)];
      await store.commit(late.items(late.tick(startMs + i * 10_000, [0], values)));
    }
    await bed.clock.advance(HOUR_MS);
    await store.cutDue();
    expect((await entriesOf(bed, "p")).length).toBeLessThan(2);
    const before = await everything(store);
    const chunks = (await versions(bed)).length;
    await compact(store);
    expect((await entriesOf(bed, "p")).length).toBeGreaterThanOrEqual(2);
    expect((await versions(bed)).length).toBeLessThan(chunks);
    expect(await everything(store)).toEqual(before);
    expect(await everything(await bed.reopen())).toEqual(before);
  });

  test("goes on at the next start when the process dies in the middle of it", async () => {
    const { bed, store } = await filled();
    const before = await everything(store);
    await store.compactDue();
    bed.disk.isFull = true;
    await expect(store.compactDue()).rejects.toMatchObject({ code: "STORAGE" });
    bed.disk.isFull = false;
    const reopened = await bed.reopen();
    expect(await everything(reopened)).toEqual(before);
    await compact(reopened);
    expect((await entriesOf(bed, "p")).length).toBe(2);
    expect(await everything(reopened)).toEqual(before);
  });

  test("leaves a damaged chunk aside and merges the others", async () => {
    const { bed, store } = await filled();
    const [first] = await entriesOf(bed, "c");
    if (first === undefined) throw new Error("nothing to damage");
    const value = first[1].slice();
    value[value.length >> 1] = (value[value.length >> 1] ?? 0) ^ 0x10;
    await bed.raw.batch([{ type: "put", key: first[0], value }], { sync: true });
    await compact(store);
    expect((await entriesOf(bed, "q")).length).toBe(1);
    expect(bed.counted("telltale_store_damaged_records_total")).toBe(1);
    expect((await versions(bed)).filter((kind) => kind === CHUNK_VERSION.merged).length).toBe(2);
  });

  test("of the past is forgotten with its partition", async () => {
    const { bed, store, agent } = await filled();
    await compact(store);
    await bed.clock.advance(60 * HOUR_MS);
    await fill(bed, store, agent, 10);
    await store.dropExpired();
    expect(await entriesOf(bed, "p")).toEqual([]);
  });
});
