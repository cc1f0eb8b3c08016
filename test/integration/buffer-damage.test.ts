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
import { labelsOf } from "../../shared/model/labels.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import { type EncodedFrame, FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { accountsOn } from "../support/accounts.ts";
import { DiskQueue } from "../support/disk-queue.ts";

const FRAMES = 300;
const SERIES = 300;
/** A damaged place costs the frames of its block, and those that a log loses behind it. */
const BLOCK_BYTES = 32 * 1024;

let root = "";
let whole = "";
const frames: EncodedFrame[] = [];

/** Frames as an agent encodes them, each with other values. */
function encoderFor({ queue }: DiskQueue, seriesCount = SERIES): () => EncodedFrame {
  const encoder = new FrameEncoder(queue.epoch, { keyframeEvery: 60 });
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

async function readAll({ queue }: DiskQueue): Promise<Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>();
  for (let after = 0; ; ) {
    const more = await queue.read(after, 64, 256 * 1024);
    for (const { seq, bytes } of more) found.set(seq, bytes);
    const last = more.at(-1);
    if (last === undefined) return found;
    after = last.seq;
  }
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "telltale-damage-"));
  whole = join(root, "whole");
  // Opened three times: the first two thirds lie in tables, the rest in the log.
  for (let life = 0; life < 3; life += 1) {
    await using open = await DiskQueue.open(whole);
    const next = encoderFor(open);
    for (let i = 0; i < FRAMES / 3; i += 1) {
      const frame = next();
      await open.queue.append(frame);
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
    await using open = await DiskQueue.open(directory);
    const found = await readAll(open);
    for (const [seq, bytes] of found) {
      expect(Buffer.compare(bytes, sizes.get(seq) ?? new Uint8Array())).toBe(0);
    }
    for (const seq of left) if (!found.has(seq)) lost += sizes.get(seq)?.length ?? 0;
    const next = encoderFor(open);
    for (let i = 0; i < 3; i += 1) await open.queue.append(next());
    expect((await readAll(open)).size).toBe(found.size + 3);
    await open.queue.ack(open.queue.newestSeq);
    const { made, stored, waiting, dropped } = accountsOn(expositionText(open.metrics.samples()));
    expect(waiting).toBe(0);
    expect(made).toBe(stored + dropped);
  }
  {
    await using again = await DiskQueue.open(directory);
    expect(again.damages).toEqual([]);
  }
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

const inEach = (pattern: RegExp, spoil: (path: string) => void) => (directory: string) =>
  filesOf(directory, pattern).forEach(spoil);
const garble = (path: string) => writeFileSync(path, "no such thing");
const remove = (path: string) => rmSync(path);

describe("a damaged store is opened, and gives what can be read", () => {
  const place = fc.double({ min: 0, max: 0.999, noNaN: true });

  test("with a log cut off anywhere", async () => {
    const cut = fc.asyncProperty(place, async (at) => {
      const cutOff = (log: string) => truncateSync(log, Math.floor(statSync(log).size * at));
      expect(await survive(inEach(/\.log$/, cutOff))).toBeLessThanOrEqual(BLOCK_BYTES);
    });
    await fc.assert(cut, { numRuns: 8 });
  });

  test("with a byte changed anywhere in a table or a log", async () => {
    const change = fc.asyncProperty(place, place, async (which, at) => {
      const lost = await survive((directory) => {
        const files = filesOf(directory, /\.(ldb|log)$/).filter((path) => statSync(path).size > 0);
        flip(files[Math.floor(which * files.length)] ?? "", at);
      });
      expect(lost).toBeLessThanOrEqual(2 * BLOCK_BYTES);
    });
    await fc.assert(change, { numRuns: 40 });
  });

  test.each([
    ["without its CURRENT", inEach(/^CURRENT/, remove)],
    ["without its MANIFEST", inEach(/^MANIFEST/, remove)],
    ["with garbage for its CURRENT", inEach(/^CURRENT/, garble)],
    ["with garbage for its MANIFEST", inEach(/^MANIFEST/, garble)],
    [
      "with files of others among its own",
      (directory: string) => {
        for (const name of ["999999.ldb", "999998.log", "notes.txt"]) {
          writeFileSync(join(directory, name), "garbage".repeat(1000));
        }
      },
    ],
  ])("%s", async (_name, damage) => {
    expect(await survive(damage)).toBe(0);
  });

  test("with any one of its tables missing", async () => {
    for (let index = 0; index < tables(whole).length; index += 1) {
      expect(await survive((directory) => rmSync(tables(directory)[index] ?? ""))).toBe(0);
    }
  });
});

test("what cannot be used lies in a quarantine, of which only the newest are kept", async () => {
  const directory = mkdtempSync(join(root, "quarantine-"));
  for (let round = 0; round < 5; round += 1) {
    for (const path of filesOf(directory, /./)) rmSync(path);
    cpSync(whole, directory, { recursive: true });
    const [largest = ""] = tables(directory).sort((a, b) => statSync(b).size - statSync(a).size);
    writeFileSync(largest, "garbage");
    await using open = await DiskQueue.open(directory);
    expect(open.damages[0]).toMatchObject({ directory, outcome: "repaired" });
    expect(existsSync(open.damages[0]?.quarantine ?? "")).toBe(true);
  }
  const kept = readdirSync(directory).filter((name) => name.startsWith("quarantine-"));
  expect(kept).toHaveLength(3);
});

test("the disk space of a backlog comes back when it has drained", async () => {
  const directory = join(root, "drain");
  await using open = await DiskQueue.open(directory);
  const next = encoderFor(open, 6000);
  const bytesOf = () =>
    filesOf(directory, /\.(ldb|log)$/).reduce((sum, path) => sum + statSync(path).size, 0);
  let appended = 0;
  while (appended < 24 * 2 ** 20) {
    const frame = next();
    await open.queue.append(frame);
    appended += frame.bytes.length;
  }
  expect(bytesOf()).toBeGreaterThan(20 * 2 ** 20);
  for (let seq = open.queue.oldestSeq + 100; seq < open.queue.newestSeq; seq += 100) {
    await open.queue.ack(seq);
  }
  await open.queue.ack(open.queue.newestSeq);
  await open.queue.close(); // a compaction may be under way
  // What is live is one stretch; LevelDB keeps a write buffer and tables of up to 2 MiB.
  expect(bytesOf()).toBeLessThan(8 * 2 ** 20);
}, 120_000);
