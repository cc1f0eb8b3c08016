import { expect, test } from "vitest";
import { OperationalError } from "../../../shared/errors.ts";
import type { MemoryDisk } from "../../support/memory-store.ts";
import { BufferRig } from "./buffer-rig.ts";

const CODES = ["ENOSPC", "EIO", "EROFS"] as const;
const METHODS = ["get", "batch", "entries", "clear", "compact"] as const;

/** Fails one call of the store, counted over all methods, before it does anything or after. */
class FaultyCalls {
  calls = 0;
  failAt = 0;
  code: string = "EIO";
  isLate = false;

  /** A batch fails late as real ones do: in its sync, and it may be there after all. */
  wrap({ store, disk }: Pick<BufferRig, "store" | "disk">): void {
    for (const method of METHODS) {
      // biome-ignore lint/suspicious/noExplicitAny: one wrapper for every method of the port
      const target = store as any;
      const original = target[method].bind(store);
      target[method] = (...values: unknown[]) => {
        this.calls += 1;
        if (this.calls !== this.failAt) return original(...values);
        if (method === "entries") return this.#entries();
        if (method === "batch" && this.isLate) return failSync(disk, () => original(...values));
        return this.#fail(() => original(...values));
      };
    }
  }

  async #fail(work: () => Promise<unknown>): Promise<void> {
    if (this.isLate) await work();
    throw this.#error();
  }

  // biome-ignore lint/correctness/useYield: it fails before its first entry
  async *#entries(): AsyncGenerator<never> {
    throw this.#error();
  }

  #error(): OperationalError {
    const cause = Object.assign(new Error(`IO error: ${this.code}`), { code: this.code });
    return new OperationalError("STORAGE", `disk: ${this.code}`, { cause });
  }
}

async function failSync(disk: MemoryDisk, work: () => Promise<unknown>): Promise<void> {
  disk.doesSyncFail = true;
  try {
    await work();
  } finally {
    disk.doesSyncFail = false;
  }
}

/** Appends as the agent does: what was not taken is discarded, and a new epoch begins. */
async function tick(rig: BufferRig): Promise<void> {
  const frame = rig.frame();
  try {
    await rig.buffer.append(frame);
  } catch (error) {
    expect(error).toBeInstanceOf(OperationalError);
    rig.buffer.discard(frame, "disk_full");
    rig.beginEpoch();
  }
}

async function tolerate(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => expect(error).toBeInstanceOf(OperationalError));
}

/** Every call site of the store: appends, acks, refusals, a full buffer, reads, a renewal, a close. */
async function script(rig: BufferRig): Promise<void> {
  for (let i = 0; i < 14; i += 1) await tick(rig);
  await tolerate(rig.readAll(0));
  rig.buffer.dropped(rig.buffer.oldestSeq + 2, "future");
  await tolerate(rig.buffer.ack(rig.buffer.oldestSeq + 5));
  await tolerate(rig.buffer.definitions(1, 0, 3));
  for (let i = 0; i < 14; i += 1) await tick(rig);
  await tolerate(rig.buffer.ack(rig.buffer.newestSeq - 1));
  await tolerate(rig.buffer.renewStream());
  await tick(rig);
}

function expectBalanced(rig: BufferRig): void {
  const { made, stored, waiting, dropped } = rig.books();
  expect(made).toBe(stored + waiting + dropped);
}

async function callsOfScript(): Promise<number> {
  const rig = await BufferRig.open({ bytesMax: 900 });
  const faults = new FaultyCalls();
  faults.wrap(rig);
  await script(rig);
  return faults.calls;
}

test.each([
  ["before", false],
  ["after", true],
])(
  "whichever call fails %s it took effect: it goes on, every frame accounted for",
  async (_when, isLate) => {
    const calls = await callsOfScript();
    expect(calls).toBeGreaterThan(40);
    for (let failAt = 1; failAt <= calls; failAt += 1) {
      const rig = await BufferRig.open({ bytesMax: 900 });
      const faults = new FaultyCalls();
      Object.assign(faults, { code: CODES[failAt % 3], failAt, isLate });
      faults.wrap(rig);
      await script(rig);
      expectBalanced(rig);
      // Whole again: all that waits can be read, and a new frame comes in.
      const { waiting } = rig.books();
      expect(await rig.readAll(rig.buffer.ackedSeq)).toHaveLength(waiting);
      rig.beginEpoch();
      await rig.append(2);
      expect(await rig.undecodable(rig.buffer.newestSeq - 2)).toEqual([]);
      const books = rig.books();
      await rig.restart();
      expect(rig.books()).toEqual(books);
      expectBalanced(rig);
    }
  },
);

test("whichever call of an opening fails, it says so and the next one finds everything", async () => {
  for (let failAt = 1; failAt <= 12; failAt += 1) {
    const rig = await BufferRig.open();
    await rig.append(9);
    await rig.buffer.ack(rig.buffer.oldestSeq + 5);
    await rig.append(1);
    const books = rig.books();
    await rig.buffer.close();
    await rig.store.close();
    const faults = new FaultyCalls();
    Object.assign(faults, { code: CODES[failAt % 3], failAt });
    await tolerate(rig.reopen((store) => faults.wrap({ store, disk: rig.disk })));
    await rig.store.close();
    await rig.reopen();
    expect(rig.books()).toEqual(books);
  }
});
