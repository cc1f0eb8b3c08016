import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FrameQueue, openFrameQueue } from "../../agent/frames/frame-queue.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { openLevelStore, type StoreDamage } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { type EncodedFrame, FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { MemoryLogger } from "../support/memory-logger.ts";

const LIMITS = {
  bytesMax: 2 ** 40,
  ageMaxMs: 2 ** 50,
  whenFull: "drop_oldest",
  freeBytesMin: 0,
} as const;
const FRAMES = 300;
const SERIES = 300;
/** A damaged place costs the frames of its block, and those that a log loses behind it. */
const BLOCK_BYTES = 32 * 1024;

let root = "";
let whole = "";
const frames: EncodedFrame[] = [];

/** A store as an agent has it open. */
class OpenBuffer implements AsyncDisposable {
  readonly damages: StoreDamage[] = [];
  readonly metrics = new Metrics();
  buffer = undefined as unknown as FrameQueue;
  #store = undefined as unknown as KeyValueStore;

  static async at(directory: string): Promise<OpenBuffer> {
    const open = new OpenBuffer();
    const deps = {
      clock: nodeClock,
      random: Math.random,
      logger: new MemoryLogger(),
      metrics: open.metrics,
      freeBytes: async () => 2 ** 40,
    };
    const limits = { cacheBytes: 2 ** 20, writeBufferBytes: 2 ** 16 };
    const report = (damage: StoreDamage) => open.damages.push(damage);
    open.buffer = await openLevelStore(directory, limits, report, async (store) => {
      open.#store = store;
      return await openFrameQueue({ ...deps, store }, LIMITS);
    });
    return open;
  }

  encoder(seriesCount = SERIES): () => EncodedFrame {
    const encoder = new FrameEncoder(this.buffer.epoch, { keyframeEvery: 60 });
    const slots = Array.from({ length: seriesCount }, (_, i) =>
      encoder.define(0, 0, labelsOf({ __name__: "damage_total", n: String(i) })),
    );
    let tick = 0;
    return () => {
      tick += 1;
      for (const slot of slots) encoder.set(slot, (tick * slot * 7919) % 1_000_003);
      return encoder.encodeTick(1_700_000_000_000 + tick * 1000);
    };
  }

  async readAll(): Promise<Map<number, Uint8Array>> {
    const found = new Map<number, Uint8Array>();
    for (let after = 0; ; ) {
      const more = await this.buffer.read(after, 64, 256 * 1024);
      for (const { seq, bytes } of more) found.set(seq, bytes);
      const last = more.at(-1);
      if (last === undefined) return found;
      after = last.seq;
    }
  }

  value(name: string): number {
    const values = this.metrics.samples().filter((sample) => sample.name === name);
    return values.reduce((sum, { value }) => sum + value, 0);
  }

  books() {
    return {
      made: this.value("telltale_agent_frames_made_total"),
      stored: this.value("telltale_agent_frames_stored_total"),
      waiting: this.value("telltale_agent_frames_waiting"),
      dropped: this.value("telltale_agent_frames_dropped_total"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.buffer.close();
    await this.#store.close();
  }
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "telltale-damage-"));
  whole = join(root, "whole");
  // Opened three times: the first two thirds lie in tables, the rest in the log.
  for (let life = 0; life < 3; life += 1) {
    await using open = await OpenBuffer.at(whole);
    const next = open.encoder();
    for (let i = 0; i < FRAMES / 3; i += 1) {
      const frame = next();
      await open.buffer.append(frame);
      frames.push(frame);
    }
  }
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

function filesOf(directory: string, pattern: RegExp): string[] {
  const names = readdirSync(directory).filter((name) => pattern.test(name));
  return names.map((name) => join(directory, name)).filter((path) => statSync(path).isFile());
}

/** Frames whose bytes still lie in the directory, wherever, with all from their keyframe on. */
function intact(directory: string): Set<number> {
  const texts = filesOf(directory, /\.(ldb|log)$/).map((path) => readFileSync(path));
  const found = new Set<number>();
  for (const { seq, bytes, isKeyframe } of frames) {
    const isUsable = isKeyframe || found.has(seq - 1);
    if (isUsable && texts.some((text) => text.includes(Buffer.from(bytes)))) found.add(seq);
  }
  return found;
}

/**
 * Opens what is left of a copy after `damage`. It starts, gives back nothing but what was put in,
 * accounts for every frame, and takes new ones. Returns the bytes of intact frames it did not find.
 */
async function survive(damage: (directory: string) => void): Promise<number> {
  const directory = mkdtempSync(join(root, "copy-"));
  cpSync(whole, directory, { recursive: true });
  damage(directory);
  const left = intact(directory);
  const sizes = new Map(frames.map(({ seq, bytes }) => [seq, bytes]));
  let lost = 0;
  {
    await using open = await OpenBuffer.at(directory);
    const found = await open.readAll();
    for (const [seq, bytes] of found) {
      expect(Buffer.compare(bytes, sizes.get(seq) ?? new Uint8Array())).toBe(0);
    }
    for (const seq of left) if (!found.has(seq)) lost += sizes.get(seq)?.length ?? 0;
    const next = open.encoder();
    for (let i = 0; i < 3; i += 1) await open.buffer.append(next());
    expect((await open.readAll()).size).toBe(found.size + 3);
    await open.buffer.ack(open.buffer.newestSeq);
    const { made, stored, waiting, dropped } = open.books();
    expect(waiting).toBe(0);
    expect(made).toBe(stored + dropped);
  }
  await using again = await OpenBuffer.at(directory);
  expect(again.damages).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
  return lost;
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  const place = Math.floor(at * bytes.length);
  const file = openSync(path, "r+");
  writeSync(file, Uint8Array.of((bytes[place] ?? 0) ^ 0x5a), 0, 1, place);
  closeSync(file);
}

const tables = (directory: string) => filesOf(directory, /\.ldb$/);

describe("a damaged store is opened, and gives what can be read", () => {
  test("with a log cut off anywhere", async () => {
    const place = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(place, async (at) => {
        const lost = await survive((directory) => {
          for (const log of filesOf(directory, /\.log$/)) {
            truncateSync(log, Math.floor(statSync(log).size * at));
          }
        });
        expect(lost).toBeLessThanOrEqual(BLOCK_BYTES);
      }),
      { numRuns: 8 },
    );
  });

  test("with a byte changed anywhere in a table or a log", async () => {
    const place = fc.double({ min: 0, max: 0.999, noNaN: true });
    await fc.assert(
      fc.asyncProperty(place, place, async (which, at) => {
        const lost = await survive((directory) => {
          const files = filesOf(directory, /\.(ldb|log)$/).filter(
            (path) => statSync(path).size > 0,
          );
          flip(files[Math.floor(which * files.length)] ?? "", at);
        });
        expect(lost).toBeLessThanOrEqual(2 * BLOCK_BYTES);
      }),
      { numRuns: 40 },
    );
  });

  test.each(["CURRENT", "MANIFEST"])("without its %s", async (name) => {
    const lost = await survive((directory) => {
      for (const path of filesOf(directory, new RegExp(`^${name}`))) rmSync(path);
    });
    expect(lost).toBe(0);
  });

  test.each(["CURRENT", "MANIFEST"])("with garbage for its %s", async (name) => {
    const lost = await survive((directory) => {
      for (const path of filesOf(directory, new RegExp(`^${name}`))) {
        writeFileSync(path, "no such thing");
      }
    });
    expect(lost).toBe(0);
  });

  test("with any one of its tables missing", async () => {
    for (let index = 0; index < tables(whole).length; index += 1) {
      const lost = await survive((directory) => rmSync(tables(directory)[index] ?? ""));
      expect(lost).toBe(0);
    }
  });

  test("with files of others among its own", async () => {
    const lost = await survive((directory) => {
      writeFileSync(join(directory, "999999.ldb"), "garbage".repeat(1000));
      writeFileSync(join(directory, "999998.log"), "garbage".repeat(1000));
      writeFileSync(join(directory, "notes.txt"), "mine");
    });
    expect(lost).toBe(0);
  });
});

test("what cannot be used lies in a quarantine, of which only the newest are kept", async () => {
  const directory = mkdtempSync(join(root, "quarantine-"));
  for (let round = 0; round < 5; round += 1) {
    for (const path of filesOf(directory, /./)) rmSync(path);
    cpSync(whole, directory, { recursive: true });
    const [largest = ""] = tables(directory).sort((a, b) => statSync(b).size - statSync(a).size);
    writeFileSync(largest, "garbage");
    await using open = await OpenBuffer.at(directory);
    expect(open.damages[0]).toMatchObject({ directory, outcome: "repaired" });
    expect(existsSync(open.damages[0]?.quarantine ?? "")).toBe(true);
  }
  const kept = readdirSync(directory).filter((name) => name.startsWith("quarantine-"));
  expect(kept).toHaveLength(3);
});

test("the disk space of a backlog comes back when it has drained", async () => {
  const directory = join(root, "drain");
  await using open = await OpenBuffer.at(directory);
  const next = open.encoder(6000);
  const bytesOf = () =>
    filesOf(directory, /\.(ldb|log)$/).reduce((sum, path) => sum + statSync(path).size, 0);
  let appended = 0;
  while (appended < 24 * 2 ** 20) {
    const frame = next();
    await open.buffer.append(frame);
    appended += frame.bytes.length;
  }
  expect(bytesOf()).toBeGreaterThan(20 * 2 ** 20);
  for (let seq = open.buffer.oldestSeq + 100; seq < open.buffer.newestSeq; seq += 100) {
    await open.buffer.ack(seq);
  }
  await open.buffer.ack(open.buffer.newestSeq);
  await open.buffer.close(); // a compaction may be under way
  // What is live is one stretch; LevelDB keeps a write buffer and tables of up to 2 MiB.
  expect(bytesOf()).toBeLessThan(8 * 2 ** 20);
}, 120_000);
