import { expect, test, vi } from "vitest";
import { watchedStore } from "../../../agent/footprint/watched-store.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";

test("a look follows each batch that was written, and none that failed", async () => {
  const disk = new MemoryDisk("agent");
  const look = vi.fn();
  const store = watchedStore(new MemoryStore(disk), look);
  const [key, value] = [Uint8Array.of(1), Uint8Array.of(2)];
  await store.batch([{ type: "put", key, value }], { sync: true });
  expect(look).toHaveBeenCalledTimes(1);
  expect(await store.get(key)).toEqual(value);
  disk.isFull = true;
  await expect(store.batch([{ type: "put", key, value }], { sync: true })).rejects.toThrow();
  expect(look).toHaveBeenCalledTimes(1);
});
