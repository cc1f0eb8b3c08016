import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { brotliCompress } from "node:zlib";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "../aggregator/logql/engine.ts";
import { parseLogql } from "../aggregator/logql/parse.ts";
import {
  DEFAULT_LINE_LOG_OPTIONS,
  type LineLog,
  openLineLog,
} from "../aggregator/logs/line-log.ts";
import { LineSource } from "../aggregator/logs/line-source.ts";
import { PatternTable } from "../aggregator/logs/patterns/pattern-table.ts";
import { mergeRows } from "../aggregator/logs/store/merge-rows.ts";
import { openLogWatch } from "../aggregator/logs/watch/log-watch.ts";
import type { Direction } from "../aggregator/model/log-lines.ts";
import { labelsOf, labelValue } from "../shared/model/labels.ts";
import { seqOf } from "../shared/model/sequence.ts";
import { openLevelStore } from "../shared/platform/level-store.ts";
import { nodeClock } from "../shared/platform/node.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { type BlockLine, encodeBlock } from "../shared/wire/line-block.ts";
import { MemoryLogger } from "../test/support/memory-logger.ts";
import type { BenchResult } from "./bench-result.ts";
import { CountingStore } from "./counting-store.ts";
import { makeCorpus } from "./logstore-corpus.ts";
import { LineTimes, linesOf } from "./logstore-lines.ts";
import { compressed } from "./logstore-others.ts";
import { progress, rounded } from "./report.ts";

/** What an agent puts into a block, and how many blocks come together. */
const BLOCK_TEXT_BYTES = 2 ** 20;
const BLOCKS_TOGETHER = 8;
const STREAM_ID = "0".repeat(32);
/** Of each log, committed elsewhere before anything is measured: an aggregator runs for weeks. */
const WARM_LINES = 200_000;
/** In one line of all. */
const RARE = "frobnicate7";
const EVERYTHING = { startUs: 0, endUs: 2 ** 52 };
const FOREVER = new AbortController().signal;

type Figures = Record<string, number>;

/**
 * Logs of real servers, in blocks as agents send them, committed (as the aggregator does: requests
 * and patterns are counted in the same batch), packed and searched: bytes beside those of gzip, zstd
 * and xz on slices of the same logs, CPU time, and what searches take and read.
 *
 * @param args `--mb=N`: of all logs, 1000 by default; `--corpus=DIR`: where logs are kept, or are
 *     already; `--lines=N`: of each log at most, then without the comparison; `--ingest`: ends when
 *     all is committed
 */
export async function logstore(args: readonly string[]): Promise<BenchResult> {
  const argument = (name: string) =>
    args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
  const directory = mkdtempSync(join(tmpdir(), "telltale-logstore-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const corpus = argument("corpus") ?? join(directory, "corpus");
  const files = await makeCorpus(corpus, Number(argument("mb") ?? 1000) * 1e6);
  const linesMax = Number(argument("lines") ?? Number.POSITIVE_INFINITY);
  await warmUp(files, join(directory, "warm"));
  const opened = await openLog(join(directory, "store"));
  const { log, store } = opened;
  const figures: Figures = {};
  const input = new Input(log, figures);
  for (const [name, file] of files) await input.commit(name, file, linesMax);
  const { text, lines, cpu } = input;
  const ingested = lines / cpu;
  Object.assign(figures, { lines, text_bytes: text, ingest_lines_per_cpu_second: ingested });
  if (args.includes("--ingest")) {
    show(figures);
    await log.close();
    return {
      name: "logstore",
      value: rounded(ingested),
      unit: "lines per CPU-second",
      vs: figures,
    };
  }
  await pack(opened, lines, figures);
  progress("lines read back and compared");
  figures["lines_read_back"] = await compareLines(log, input.hashes);
  const stored = figures["stored_bytes"] ?? 0;
  const search = { log, store, stored, figures };
  await searchRare({ ...search, name: "rare_word", word: RARE });
  for (const [name, word] of input.rareWords) await searchRare({ ...search, name, word });
  for (const direction of ["forward", "backward"] as const) {
    const name = `common_word_first_1000_${direction}`;
    const found = await timed(figures, name, () => find(log, "GET", 1000, direction));
    if (found !== 1000) throw new Error(`${found} lines with GET`);
  }
  if (!Number.isFinite(linesMax)) compare(files, directory, stored, figures);
  show(figures);
  await log.close();
  return {
    name: "logstore",
    value: figures["xz_6_ratio"] ?? rounded(text / stored),
    unit: "xz -6 / stored",
    vs: figures,
  };
}

async function warmUp(files: ReadonlyMap<string, string>, directory: string): Promise<void> {
  const { log } = await openLog(directory);
  const input = new Input(log, {});
  for (const [name, file] of files) await input.commit(name, file, WARM_LINES);
  await log.close();
  rmSync(directory, { recursive: true });
}

function show(figures: Figures): void {
  for (const [name, figure] of Object.entries(figures)) {
    figures[name] = rounded(figure);
    console.log(`${name.padEnd(36)}${rounded(figure)}`);
  }
}

async function openLog(directory: string): Promise<Opened> {
  const limits = { cacheBytes: 8 * 1024 ** 2, writeBufferBytes: 8 * 1024 ** 2 };
  const store = await openLevelStore(
    directory,
    limits,
    () => {},
    async (level) => new CountingStore(level),
  );
  const deps = { store, clock: nodeClock, logger: new MemoryLogger(), metrics: new Metrics() };
  const work = { pause: () => nextTurn(), compress: promisify(brotliCompress) };
  const patterns = new PatternTable(deps);
  const watch = await openLogWatch({ ...deps, write: async () => {}, patterns }, []);
  const options = { ...DEFAULT_LINE_LOG_OPTIONS, packAfterMs: 0, readMaxMs: 0, work, watch };
  return { log: await openLineLog(deps, options), store, directory };
}

/** Commits logs, and keeps what is needed to compare them with what is read. */
class Input {
  text = 0;
  lines = 0;
  /** CPU seconds of committing. */
  cpu = 0;
  readonly hashes = new Map<string, string>();
  readonly rareWords = new Map<string, string>();
  readonly #log: LineLog;
  readonly #figures: Figures;
  #seq = 0;

  constructor(log: LineLog, figures: Figures) {
    this.#log = log;
    this.#figures = figures;
  }

  async commit(name: string, file: string, linesMax: number): Promise<void> {
    progress(`${name} is committed`);
    const [textBefore, hotBefore] = [this.text, bytesOf(this.#log)];
    const [linesBefore, cpuBefore] = [this.lines, this.cpu];
    const hash = createHash("sha256");
    const blocks: Uint8Array[] = [];
    for (const lines of this.#blocksOf(name, file, linesMax)) {
      for (const { bytes } of lines) hash.update(bytes).update("\n");
      this.#seq += 1;
      const sources = [{ labels: labelsOf({ job: name }), lines }];
      blocks.push(encodeBlock(seqOf(1, this.#seq), Date.now(), sources));
    }
    // Only now: what making them leaves to the garbage collector is none of the aggregator's.
    for (let at = 0; at < blocks.length; at += BLOCKS_TOGETHER) {
      await this.#commit(blocks.slice(at, at + BLOCKS_TOGETHER));
    }
    this.hashes.set(name, hash.digest("hex"));
    this.#figures[`${name}_text_mb`] = (this.text - textBefore) / 1e6;
    this.#figures[`${name}_hot_mb`] = (bytesOf(this.#log) - hotBefore) / 1e6;
    this.#figures[`ingest_${name}_lines_per_cpu_second`] =
      (this.lines - linesBefore) / (this.cpu - cpuBefore);
  }

  *#blocksOf(name: string, file: string, linesMax: number): Iterable<BlockLine[]> {
    const times = new LineTimes();
    let lines: BlockLine[] = [];
    let [bytes, count] = [0, 0];
    for (const line of linesOf(file)) {
      if (count === linesMax) break;
      count += 1;
      const text = name === "node" && count === 5000 ? line.replace("level", RARE) : line;
      if (count > 50_000) this.#lookFor(name, line);
      lines.push({ timeUs: times.next(line), bytes: Buffer.from(text, "latin1"), isCut: false });
      bytes += text.length + 1;
      if (bytes < BLOCK_TEXT_BYTES) continue;
      yield lines;
      this.text += bytes;
      [bytes, lines] = [0, []];
    }
    if (lines.length > 0) yield lines;
    this.text += bytes;
    this.lines += count;
  }

  /** Ids that a person would look for. */
  #lookFor(name: string, line: string): void {
    if (name === "nginx" && !this.rareWords.has("rare_hex")) {
      const [, id] = /\/sessions\/(\w{16})/.exec(line) ?? [];
      if (id !== undefined) this.rareWords.set("rare_hex", id);
    }
    if (name === "node" && !this.rareWords.has("rare_number")) {
      const [, id] = /"order":(\d{7}),/.exec(line) ?? [];
      if (id !== undefined) this.rareWords.set("rare_number", id);
    }
  }

  async #commit(blocks: readonly Uint8Array[]): Promise<void> {
    const items = blocks.map((bytes) => {
      return { kind: "block", node: "bench", streamId: STREAM_ID, bytes } as const;
    });
    const start = process.cpuUsage();
    await this.#log.commit(items, this);
    this.cpu += cpuSeconds(start);
  }
}

type Opened = {
  readonly log: LineLog;
  readonly store: CountingStore;
  readonly directory: string;
};

async function pack(
  { log, store, directory }: Opened,
  lines: number,
  figures: Figures,
): Promise<void> {
  progress("packed");
  figures["hot_bytes"] = bytesOf(log);
  const start = process.cpuUsage();
  let [restMaxMs, turn] = [0, performance.now()];
  const watch = setInterval(() => {
    restMaxMs = Math.max(restMaxMs, performance.now() - turn);
    turn = performance.now();
  }, 1);
  await log.compactAll(FOREVER);
  clearInterval(watch);
  figures["pack_lines_per_cpu_second"] = lines / cpuSeconds(start);
  figures["pack_longest_turn_ms"] = restMaxMs;
  await log.compactDue(FOREVER);
  figures["rss_after_packing_mb"] = process.memoryUsage().rss / 1e6;
  figures["stored_bytes"] = bytesOf(log);
  await store.compact({ gte: new Uint8Array(), lt: Uint8Array.of(255) });
  figures["disk_bytes"] = readdirSync(directory)
    .map((name) => statSync(join(directory, name)).size)
    .reduce((sum, size) => sum + size, 0);
  if (log.blocks.length > 0) throw new Error("Not all was packed");
}

/** Of all blocks, hot and packed. */
function bytesOf(log: LineLog): number {
  let bytes = 0;
  for (const block of log.blocks) bytes += block.bytes;
  for (const { blocks } of log.streams.all()) {
    for (const block of blocks) if (block.kind === "packed") bytes += block.bytes;
  }
  return bytes;
}

/** Byte for byte. @returns how many lines there are */
async function compareLines(log: LineLog, hashes: ReadonlyMap<string, string>): Promise<number> {
  let lines = 0;
  for (const stream of log.streams.all()) {
    const hash = createHash("sha256");
    const runs = mergeRows([...stream.blocks], "forward", async (block) =>
      block.kind === "packed" ? await log.openPacked(stream, block, []) : null,
    );
    for await (const { rows, row, count } of runs) {
      for (let at = row; at < row + count; at += 1) {
        hash.update(`${rows.textOf(at)}\n`, "latin1");
        lines += 1;
      }
    }
    const job = labelValue(stream.labels, "job");
    if (hash.digest("hex") !== hashes.get(job)) throw new Error(`Lines of ${job} came back other`);
  }
  return lines;
}

type Search = {
  readonly log: LineLog;
  readonly store: CountingStore;
  readonly stored: number;
  readonly figures: Figures;
  readonly name: string;
  readonly word: string;
};

/** Over everything. */
async function searchRare({ log, store, stored, figures, name, word }: Search): Promise<void> {
  store.bytesRead = 0;
  const found = await timed(figures, name, () => find(log, word, 1e6, "backward"));
  figures[`${name}_lines`] = found;
  figures[`${name}_read_ratio`] = store.bytesRead / stored;
}

/** By the clock, and CPU time, which others on the machine do not change. */
async function timed<T>(figures: Figures, name: string, work: () => Promise<T>): Promise<T> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  figures[`${name}_ms`] = performance.now() - start;
  figures[`${name}_cpu_ms`] = cpuSeconds(cpu) * 1000;
  return result;
}

async function find(log: LineLog, word: string, limit: number, direction: Direction) {
  const expr = parseLogql(`{job=~".+"} |= "${word}"`);
  if (expr.kind !== "logs") throw new Error("a query of lines");
  const pause = () => nextTurn();
  const engine = new LogqlEngine(new LineSource(log), { ...DEFAULT_LOGQL_OPTIONS, pause });
  let found = 0;
  const { lines } = engine.logs(expr, { ...EVERYTHING, direction, limit });
  for await (const batch of lines) found += batch.length;
  return found;
}

function compare(
  files: ReadonlyMap<string, string>,
  directory: string,
  stored: number,
  figures: Figures,
): void {
  const sums: Figures = { gzip_6: 0, zstd_19: 0, xz_6: 0 };
  let looked = 0;
  for (const [name, file] of files) {
    progress(`${name}: gzip, zstd, xz`);
    const sampled = compressed(file, join(directory, "slice"));
    looked += sampled.looked;
    for (const [by, bytes] of Object.entries(sampled.bytes)) sums[by] = (sums[by] ?? 0) + bytes;
  }
  console.log(`gzip, zstd and xz: by slices of 16 MB, ${Math.round(looked / 1e6)} MB in all`);
  for (const [by, bytes] of Object.entries(sums)) {
    figures[`${by}_bytes`] = bytes;
    figures[`${by}_ratio`] = bytes / stored;
  }
}

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}
