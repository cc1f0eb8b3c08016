import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OperationalError } from "../../shared/errors.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import type {
  BatchOperation,
  Entry,
  KeyRange,
  KeyValueStore,
} from "../../shared/platform/ports.ts";
import { MemoryDisk, MemoryStore } from "../support/memory-store.ts";

/** A place that can be opened again after it was closed. */
type Place = { open(): Promise<KeyValueStore>; remove(): Promise<void> };

const LIMITS = { cacheBytes: 1024 * 1024, writeBufferBytes: 1024 * 1024 };

const NOTHING = () => {};

async function levelPlace(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), "telltale-store-"));
  return {
    open: () => openLevelStore(directory, LIMITS, NOTHING, async (store) => store),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

async function memoryPlace(): Promise<Place> {
  const disk = new MemoryDisk();
  return { open: async () => new MemoryStore(disk), remove: async () => {} };
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const put = (key: readonly number[], value: readonly number[]): BatchOperation => {
  return { type: "put", key: bytes(...key), value: bytes(...value) };
};
const del = (key: readonly number[]): BatchOperation => ({ type: "del", key: bytes(...key) });
const SYNC = { sync: true };

async function readValue(store: KeyValueStore, key: number): Promise<number[] | undefined> {
  const value = await store.get(bytes(key));
  return value === undefined ? undefined : [...value];
}

async function all(entries: AsyncIterable<Entry>): Promise<[number[], number[]][]> {
  const found: [number[], number[]][] = [];
  for await (const [key, value] of entries) found.push([[...key], [...value]]);
  return found;
}

describe.each([
  ["in memory", memoryPlace],
  ["in LevelDB", levelPlace],
])("a key-value store %s", (_name, makePlace) => {
  let place: Place;
  let store: KeyValueStore;

  beforeEach(async () => {
    place = await makePlace();
    store = await place.open();
  });

  afterEach(async () => {
    await store.close();
    await place.remove();
  });

  test("gives back what was put, and nothing for what was not or was deleted", async () => {
    await store.batch([put([1], [10, 11]), put([2], []), put([3], [30])], SYNC);
    await store.batch([del([3]), del([9]), put([1], [12])], { sync: false });
    const values = [1, 2, 3, 4].map((key) => readValue(store, key));
    expect(await Promise.all(values)).toEqual([[12], [], undefined, undefined]);
  });

  test("takes the operations of a batch in order", async () => {
    await store.batch([put([1], [1]), del([1]), put([2], [1]), put([2], [2])], SYNC);
    expect(await all(store.entries({}))).toEqual([[[2], [2]]]);
  });

  test("takes very many operations in order, and all or none", async () => {
    const puts = Array.from({ length: 100 }, (_, i) => put([i], [i]));
    const dels = Array.from({ length: 50 }, (_, i) => del([2 * i]));
    await store.batch([...puts, ...dels, put([0], [7]), del([1])], SYNC);
    expect(await all(store.entries({}))).toHaveLength(50);
    expect(await readValue(store, 0)).toEqual([7]);
    await store.close();
    await expect(store.batch([...puts], SYNC)).rejects.toMatchObject({ code: "STORAGE" });
    store = await place.open();
    expect(await all(store.entries({}))).toHaveLength(50);
  });

  test("keeps everything over a close and an open", async () => {
    await store.batch([put([1], [1]), put([2], [2])], SYNC);
    await store.batch([put([3], [3])], { sync: false });
    await store.close();
    store = await place.open();
    expect(await all(store.entries({}))).toHaveLength(3);
  });

  test("cannot be opened twice at a time", async () => {
    const second = place.open();
    await expect(second).rejects.toMatchObject({ code: "IN_USE" });
    await expect(second).rejects.toBeInstanceOf(OperationalError);
  });

  test("refuses work after it was closed", async () => {
    await store.close();
    await expect(store.get(bytes(1))).rejects.toMatchObject({ code: "STORAGE" });
    await expect(store.batch([put([1], [1])], SYNC)).rejects.toMatchObject({ code: "STORAGE" });
    await expect(all(store.entries({}))).rejects.toMatchObject({ code: "STORAGE" });
    store = await place.open();
  });

  test("may be compacted and still has everything", async () => {
    const puts = Array.from({ length: 100 }, (_, i) => put([i], [i]));
    await store.batch(puts, SYNC);
    await store.clear({ lt: bytes(50) });
    await store.compact({ gte: bytes(0), lt: bytes(50) });
    expect(await all(store.entries({}))).toHaveLength(50);
  });

  test("hands over values that the caller may keep and change", async () => {
    const value = bytes(1, 2);
    await store.batch([{ type: "put", key: bytes(1), value }], SYNC);
    value.fill(9);
    (await store.get(bytes(1)))?.fill(8);
    expect(await readValue(store, 1)).toEqual([1, 2]);
  });

  test("iterates over what there was at its start, whatever is written meanwhile", async () => {
    await store.batch([put([1], [1]), put([2], [2]), put([3], [3])], SYNC);
    const seen: number[] = [];
    for await (const [key] of store.entries({})) {
      seen.push(key[0] ?? -1);
      await store.batch([del([2]), put([4], [4])], { sync: false });
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  test("has ranges, limits and both directions as a sorted list would", async () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 3 });
    const bound = fc.option(key, { nil: undefined });
    const range = fc.record({
      low: bound,
      high: bound,
      isLowIn: fc.boolean(),
      isHighIn: fc.boolean(),
      reverse: fc.boolean(),
      limit: fc.integer({ min: 0, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(key, { maxLength: 12 }), range, async (keys, asked) => {
        await store.clear({});
        await store.batch(
          keys.map((name) => ({ type: "put", key: name, value: name })),
          { sync: false },
        );
        const { low, high, isLowIn, isHighIn, reverse, limit } = asked;
        const bounds: KeyRange = {
          ...(low === undefined ? {} : isLowIn ? { gte: low } : { gt: low }),
          ...(high === undefined ? {} : isHighIn ? { lte: high } : { lt: high }),
        };
        const isIn = (name: Uint8Array) => {
          const fromLow = low === undefined ? 1 : Buffer.compare(name, low);
          const fromHigh = high === undefined ? -1 : Buffer.compare(name, high);
          return (
            (isLowIn ? fromLow >= 0 : fromLow > 0) && (isHighIn ? fromHigh <= 0 : fromHigh < 0)
          );
        };
        const unique = [...new Map(keys.map((name) => [name.join(), name])).values()];
        const expected = unique.filter(isIn).sort(Buffer.compare);
        if (reverse) expected.reverse();
        const found = await all(store.entries({ ...bounds, reverse, limit }));
        expect(found.map(([name]) => name)).toEqual(expected.slice(0, limit).map((n) => [...n]));
        await store.clear(bounds);
        expect(await all(store.entries({}))).toHaveLength(unique.length - expected.length);
      }),
      { numRuns: 60 },
    );
  });
});
