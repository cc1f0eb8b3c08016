import { describe, expect, test } from "vitest";
import type { BatchOperation, Entry } from "../../../shared/platform/ports.ts";
import { settle } from "../../support/fake-clock.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { SeededRandom } from "../../support/random.ts";

/** What only a test's disk can do; what a store has in common with LevelDB is in test/contract. */
const bytes = (...values: number[]) => Uint8Array.from(values);
const put = (key: number, value = key): BatchOperation => {
  return { type: "put", key: bytes(key), value: bytes(value) };
};
const del = (key: number): BatchOperation => ({ type: "del", key: bytes(key) });
const SYNC = { sync: true };
const NO_SYNC = { sync: false };

async function keysOf(entries: AsyncIterable<Entry>): Promise<number[]> {
  const keys: number[] = [];
  for await (const [key] of entries) keys.push(key[0] ?? -1);
  return keys;
}

const keysOn = (disk: MemoryDisk) => disk.durableEntries().map(([key]) => key[0]);

describe("a crash", () => {
  test("takes a suffix of what was not synced, never a part of a batch", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed += 1) {
      const disk = new MemoryDisk();
      const store = new MemoryStore(disk);
      await store.batch([put(1), put(2)], SYNC);
      await store.batch([put(3), del(1)], NO_SYNC);
      await store.batch([put(4), put(5)], NO_SYNC);
      disk.crash(new SeededRandom(seed).next);
      seen.add((await keysOf(new MemoryStore(disk).entries({}))).join());
    }
    expect([...seen].sort()).toEqual(["1,2", "2,3", "2,3,4,5"]);
  });

  test("a kill loses nothing that was written", async () => {
    const disk = new MemoryDisk();
    await new MemoryStore(disk).batch([put(1)], NO_SYNC);
    disk.crash(() => 0, "kill");
    expect(keysOn(disk)).toEqual([1]);
  });

  test("of a dead process no call comes back and no write takes place", async () => {
    const disk = new MemoryDisk();
    const store = new MemoryStore(disk);
    const calls = [store.batch([put(1)], SYNC), store.get(bytes(1)), keysOf(store.entries({}))];
    let returned = 0;
    for (const call of calls) void call.finally(() => (returned += 1));
    disk.crash(() => 0);
    await settle();
    expect([returned, keysOn(disk)]).toEqual([0, []]);
  });

  test.each([
    ["begin", []],
    ["logged", [1]],
    ["done", [1]],
  ])("in the step %s of a write: at best %j is there", async (crashStep, expected) => {
    const disk = new MemoryDisk();
    const onWriteStep = (step: string) => {
      if (step === crashStep) disk.crash(() => 0.99);
    };
    const store = new MemoryStore(disk, { onWriteStep });
    let isAnswered = false;
    void store.batch([put(1)], SYNC).then(() => (isAnswered = true));
    await settle();
    expect([isAnswered, keysOn(disk)]).toEqual([false, expected]);
  });

  test("in the middle of clear a part of the range remains", async () => {
    const disk = new MemoryDisk();
    let writes = 0;
    const onWriteStep = (step: string) => {
      if (step === "done") writes += 1;
      if (writes === 3) disk.crash(() => 0.99);
    };
    const store = new MemoryStore(disk, { onWriteStep });
    await store.batch(
      Array.from({ length: 40 }, (_, key) => put(key)),
      SYNC,
    );
    void store.clear({ lt: bytes(30) });
    await settle();
    expect(keysOn(disk)).toHaveLength(40 - 16);
  });
});

describe("a faulty disk", () => {
  test.each([
    ["whole in the log", 0],
    ["lost", 0.9],
  ])("a write whose sync failed is undone before the next, when it is %s", async (_how, drawn) => {
    const disk = new MemoryDisk();
    const store = new MemoryStore(disk, { random: () => drawn });
    await store.batch([put(3)], SYNC);
    disk.doesSyncFail = true;
    await expect(store.batch([put(1), put(3, 9)], SYNC)).rejects.toThrow(/fsync failed/);
    expect(await keysOf(store.entries({}))).toEqual([3]);
    await expect(store.batch([put(2)], SYNC)).rejects.toThrow(/fsync failed/);
    await expect(store.get(bytes(1))).rejects.toThrow(/not open/);
    disk.doesSyncFail = false;
    await store.batch([put(2)], SYNC);
    expect(await keysOf(store.entries({}))).toEqual([2, 3]);
    expect(await store.get(bytes(3))).toEqual(bytes(3));
    expect(keysOn(disk)).toEqual([2, 3]);
  });

  test("a process that dies after a failed sync leaves the write or nothing of it", () => {
    const found = [0, 0.99].map(async (drawn) => {
      const disk = new MemoryDisk();
      const store = new MemoryStore(disk);
      disk.doesSyncFail = true;
      await store.batch([put(1), put(2)], SYNC).catch(() => undefined);
      disk.doesSyncFail = false;
      disk.crash(() => drawn, "kill");
      return keysOn(disk);
    });
    return expect(Promise.all(found)).resolves.toEqual([[], [1, 2]]);
  });
});
