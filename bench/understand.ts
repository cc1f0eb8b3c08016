import { createCipheriv } from "node:crypto";
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { metadataOf } from "../aggregator/logs/understand/metadata.ts";
import { type LogWatch, openLogWatch } from "../aggregator/logs/watch/log-watch.ts";
import { spanText } from "../shared/model/byte-span.ts";
import { labelsOf } from "../shared/model/labels.ts";
import { nodeClock } from "../shared/platform/node.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import {
  type BlockColumns,
  type BlockLine,
  encodeBlock,
  NEWLINE_BYTES,
  parseColumns,
} from "../shared/wire/line-block.ts";
import { MemoryLogger } from "../test/support/memory-logger.ts";
import { MemoryStore } from "../test/support/memory-store.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress } from "./report.ts";

const FILE_BYTES_MAX = 16 * 1024 ** 2;
const BLOCK_LINES = 4000;
const ROUNDS = 5;
const SECONDS_MIN = 0.5;

/**
 * What it costs to look at lines of real logs, in lines a second of CPU time: when they are stored (requests
 * counted, the records of each block written; neither patterns nor configured metrics) and when
 * they are read (their level), each file of a folder by itself; `value` is storing all of them. The
 * best of some rounds, as the machine is shared. Argument: the folder of `*.log`; without one the captures of the tests.
 */
export async function understand([
  folder = "test/fixtures/logs",
]: readonly string[]): Promise<BenchResult> {
  const files = readdirSync(folder).filter((name) => name.endsWith(".log"));
  const corpora = files.map((name) => ({
    name: basename(name, ".log"),
    blocks: blocksOf(join(folder, name)),
  }));
  const vs: Record<string, number> = { baseline_aes_mb: 0 };
  let value = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    progress(`round ${round + 1} of ${ROUNDS}`);
    const best = (name: string, figure: number) => {
      vs[name] = Math.max(vs[name] ?? 0, Math.round(figure));
    };
    best("baseline_aes_mb", cpuRate(1, encrypt));
    let seconds = 0;
    let lines = 0;
    for (const { name, blocks } of corpora) {
      const count = blocks.reduce((sum, { lineCount }) => sum + lineCount, 0);
      const watch = await openWatch();
      const stored = cpuRate(count, () => observeAll(watch, blocks));
      best(`stored_${name}`, stored);
      best(
        `read_${name}`,
        cpuRate(count, () => readAll(blocks)),
      );
      lines += count;
      seconds += count / stored;
    }
    value = Math.max(value, Math.round(lines / seconds));
  }
  return { name: "understand", value, unit: "lines per CPU-second", vs };
}

type Blocks = readonly BlockColumns[];

function blocksOf(path: string): Blocks {
  const bytes = Buffer.alloc(FILE_BYTES_MAX);
  const descriptor = openSync(path, "r");
  const length = readSync(descriptor, bytes);
  closeSync(descriptor);
  const texts = bytes.toString("latin1", 0, length).split("\n");
  const blocks: BlockColumns[] = [];
  const labels = labelsOf({ filename: path, job: "files" });
  for (let at = 0; at < texts.length; at += BLOCK_LINES) {
    const lines = texts.slice(at, at + BLOCK_LINES).map((text): BlockLine => {
      return { timeUs: nodeClock.nowMs() * 1000, bytes: Buffer.from(text, "latin1"), isCut: false };
    });
    blocks.push(parseColumns(encodeBlock(at + 1, nodeClock.nowMs(), [{ labels, lines }])));
  }
  return blocks;
}

async function openWatch(): Promise<LogWatch> {
  const deps = { store: new MemoryStore(), clock: nodeClock, logger: new MemoryLogger() };
  const others = { metrics: new Metrics(), write: async () => {}, patterns: null };
  return await openLogWatch({ ...deps, ...others }, []);
}

function observeAll(watch: LogWatch, blocks: Blocks): void {
  for (const block of blocks) {
    watch.observe("n1", block);
    watch.settled(true);
  }
}

function readAll(blocks: Blocks): void {
  let known = 0;
  for (const { sources } of blocks) {
    for (const { bytes, starts, timesUs } of sources) {
      for (const [i, timeUs] of timesUs.entries()) {
        const line = spanText({
          bytes,
          start: starts[i] ?? 0,
          end: (starts[i + 1] ?? 0) - NEWLINE_BYTES,
        });
        known += metadataOf(line, timeUs).length;
      }
    }
  }
  if (known === 0) throw new Error("no line was read");
}

const MEGABYTE = Buffer.alloc(1e6);

function encrypt(): void {
  createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(MEGABYTE);
}

/** Units of work per second of CPU time. */
function cpuRate(units: number, work: () => void): number {
  work();
  const before = process.cpuUsage();
  for (let count = 1; ; count += 1) {
    work();
    const { user, system } = process.cpuUsage(before);
    if (user + system >= SECONDS_MIN * 1e6) return (units * count) / ((user + system) / 1e6);
  }
}
