import { expect, test } from "vitest";
import type { Content, QueueEntry } from "../../../agent/queue/entries.ts";
import { ByteQueue, type QueueLimits } from "../../../agent/queue/queue.ts";
import { USER_KEY } from "../../../agent/queue/records.ts";
import { recover } from "../../../agent/queue/recovery.ts";
import type { Accounts } from "../../../shared/model/accounts.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../../shared/wire/bytes.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { SeededRandom } from "../../support/random.ts";

/** Blocks that each stand alone, as those of log lines will: every one is a start. */
const BLOCKS: Content<QueueEntry> = {
  entryBytesMax: 1000,
  parse: (bytes) => {
    const reader = new ByteReader(checkedBody(bytes, "block"), "block");
    return { seq: reader.varint(), timeMs: reader.varint(), bytes, isStart: true };
  },
  forget: async () => {},
};
/** Room for four of them. */
const LIMITS: QueueLimits = { bytesMax: 50, ageMaxMs: 2e12, whenFull: "block", freeBytesMin: 0 };
const OFFSET_KEY = Uint8Array.of(USER_KEY, 1);

function block(seq: number): QueueEntry {
  const writer = new ByteWriter(16);
  writer.varint(seq);
  writer.varint(1_000);
  return { seq, timeMs: 1_000, bytes: writer.finish(), isStart: true };
}

class Bed {
  readonly disk = new MemoryDisk();
  readonly random = new SeededRandom(1).next;
  accounts: Accounts | null = null;
  store = undefined as unknown as MemoryStore; // `open` sets these two
  queue = undefined as unknown as ByteQueue<QueueEntry>;

  async open(): Promise<void> {
    this.store = new MemoryStore(this.disk);
    const { store, random } = this;
    const logger = new MemoryLogger();
    const freeBytes = async () => Number.MAX_SAFE_INTEGER;
    const show = (accounts: Accounts) => {
      this.accounts = accounts;
    };
    const deps = { store, random, logger, freeBytes, show, clock: new FakeClock() };
    const ledger = await recover(store, BLOCKS, random, logger);
    this.queue = new ByteQueue(deps, BLOCKS, LIMITS, ledger);
  }

  /** With the offset up to which its file was read. */
  async append(count: number): Promise<void> {
    const operations = [{ type: "put", key: OFFSET_KEY, value: Uint8Array.of(count) } as const];
    const entry = block(seqOf(this.queue.epoch, count));
    await this.queue.appendEntry(entry, { items: 10, operations });
  }

  async offset(): Promise<number | undefined> {
    return (await this.store.get(OFFSET_KEY))?.[0];
  }
}

test("what a user writes along with a block is there exactly when the block is", async () => {
  const bed = new Bed();
  await bed.open();
  await bed.append(1);
  await bed.append(2);
  void bed.append(3); // its process dies in the middle of it
  for (let turns = 0; turns < 3; turns += 1) await null;
  bed.disk.crash(bed.random, "power-cut");
  await bed.open();
  const blocks = await bed.queue.read(0, 10, 1000);
  expect(await bed.offset()).toBe(blocks.length);
  expect(bed.accounts).toMatchObject({ made: blocks.length, waiting: blocks.length });
});

test("an ack removes every block before it, and makes room for a source that waits", async () => {
  const bed = new Bed();
  await bed.open();
  for (let count = 1; count <= 4; count += 1) await bed.append(count);
  const waiting = bed.append(5);
  await settle();
  expect(bed.queue.newestSeq).toBe(seqOf(1, 4));
  await bed.queue.ack(seqOf(1, 3));
  await waiting;
  expect(bed.queue.oldestSeq).toBe(seqOf(1, 3));
  expect(bed.accounts).toMatchObject({ made: 5, stored: 3, waiting: 2, dropped: [] });
  expect(await bed.offset()).toBe(5);
});
