import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogLine, type LogStore, openLogStore } from "../aggregator/logs/store/log-store.ts";
import { labelsOf } from "../shared/model/labels.ts";
import { openLevelStore } from "../shared/platform/level-store.ts";
import type { KeyValueStore } from "../shared/platform/ports.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { MemoryLogger } from "../test/support/memory-logger.ts";
import type { BenchResult } from "./bench-result.ts";
import { makeCorpus } from "./logstore-corpus.ts";
import { LineTimes, linesOf } from "./logstore-lines.ts";
import { progress, rounded } from "./report.ts";

const BATCH_LINES = 8192;
const DAY_MS = 86_400_000;
const RARE = "frobnicate7";
const EVERYTHING = { startUs: 0, endUs: 2 ** 50 };

/**
 * Logs of real servers, stored: bytes beside those of gzip, zstd and xz on the same lines, CPU time
 * of appending and packing, and what searches take and read.
 *
 * @param args `--mb=N`: of all logs, 1000 by default; `--lines=N`: of each log at most;
 *     `--corpus=DIR`: where logs are kept, or are already
 */
export async function logstore(args: readonly string[]): Promise<BenchResult> {
  const argument = (name: string) =>
    args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
  const directory = mkdtempSync(join(tmpdir(), "telltale-logstore-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const corpus = argument("corpus") ?? join(directory, "corpus");
  const files = await makeCorpus(corpus, Number(argument("mb") ?? 1000) * 1e6);
  const linesMax = Number(argument("lines") ?? Number.POSITIVE_INFINITY);
  const limits = { cacheBytes: 8 * 1024 ** 2, writeBufferBytes: 8 * 1024 ** 2 };
  const counted = await openLevelStore(
    join(directory, "store"),
    limits,
    () => {},
    async (level) => new CountingStore(level),
  );
  const nowMs = Date.now();
  const clock = { nowMs: () => nowMs + DAY_MS, monotonicMs: () => 0, sleep: async () => {} };
  const deps = { store: counted, clock, logger: new MemoryLogger(), metrics: new Metrics() };
  const options = { retentionMs: 1e12, bytesMax: 1e12, streamsMax: 100, compactAfterMs: 1000 };
  const store = await openLogStore(deps, options);
  const figures: Record<string, number> = {};
  const others = { gzip: 0, zstd: 0, xz: 0 };
  let [raw, lines, appendCpu] = [0, 0, 0];
  for (const [name, file] of files) {
    progress(`${name}: append, gzip, zstd, xz`);
    const same = join(directory, "same");
    const { bytes, count, cpu } = await append(store, name, linesOf(file), linesMax, same);
    raw += bytes;
    lines += count;
    appendCpu += cpu;
    const before = store.bytes;
    figures[`${name}_raw_mb`] = rounded(bytes / 1e6);
    figures[`${name}_hot_mb`] = rounded(before / 1e6);
    others.gzip += sizeOf("gzip", ["-6", "-c"], same);
    others.zstd += sizeOf("zstd", ["-19", "-c", "-q"], same);
    others.xz += sizeOf("xz", ["-6", "-T1", "-c"], same);
  }
  figures["hot_bytes"] = store.bytes;
  progress("compaction");
  const start = process.cpuUsage();
  await store.compactDue();
  const packCpu = cpuSeconds(start);
  const stored = store.bytes;
  counted.bytesRead = 0;
  const rare = await timed(() => search(store, RARE, Number.POSITIVE_INFINITY));
  const rareBytes = counted.bytesRead;
  const common = await timed(() => search(store, "GET", 1000));
  Object.assign(figures, {
    lines,
    raw_bytes: raw,
    stored_bytes: stored,
    gzip_6: others.gzip,
    zstd_19: others.zstd,
    xz_6: others.xz,
    append_lines_per_cpu_second: Math.round(lines / appendCpu),
    pack_lines_per_cpu_second: Math.round(lines / packCpu),
    rare_word_found: rare.found,
    rare_word_ms: rare.ms,
    rare_word_read_ratio: rounded(rareBytes / stored),
    common_word_first_1000_ms: common.ms,
    zstd_19_ratio: rounded(others.zstd / stored),
  });
  for (const [name, figure] of Object.entries(figures)) console.log(`${name.padEnd(30)}${figure}`);
  await store.close();
  return {
    name: "logstore",
    value: rounded(others.xz / stored),
    unit: "xz -6 / stored",
    vs: figures,
  };
}

/** One line of all has the rare word. What is appended is written to `same` for the others. */
async function append(
  store: LogStore,
  name: string,
  lines: Iterable<string>,
  linesMax: number,
  same: string,
): Promise<{ bytes: number; count: number; cpu: number }> {
  writeFileSync(same, "");
  const labels = labelsOf({ job: name });
  const times = new LineTimes();
  let [bytes, count, cpu] = [0, 0, 0];
  let batch: LogLine[] = [];
  const flush = async () => {
    const copy = batch.map((line) => `${(line.bytes as Buffer).toString("latin1")}\n`).join("");
    writeFileSync(same, copy, { flag: "a", encoding: "latin1" });
    bytes += copy.length;
    const start = process.cpuUsage();
    await store.append(batch);
    cpu += cpuSeconds(start);
    batch = [];
  };
  for (const line of lines) {
    if (count === linesMax) break;
    const text = name === "node" && count === 5000 ? line.replace("level", RARE) : line;
    const timeUs = times.next(line);
    batch.push({ labels, timeUs, bytes: Buffer.from(text, "latin1"), metadata: [] });
    count += 1;
    if (batch.length === BATCH_LINES) await flush();
  }
  await flush();
  return { bytes, count, cpu };
}

async function search(store: LogStore, word: string, limit: number): Promise<number> {
  let found = 0;
  const streams = await store.select([], EVERYTHING, "forward", { substrings: [word] });
  for (const { entries } of streams) {
    for await (const batch of entries) {
      found += batch.length;
      if (found >= limit) return found;
    }
  }
  return found;
}

async function timed(work: () => Promise<number>): Promise<{ found: number; ms: number }> {
  const start = performance.now();
  const found = await work();
  return { found, ms: Math.round(performance.now() - start) };
}

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

function sizeOf(command: string, args: readonly string[], file: string): number {
  const script = `"$0" ${args.join(" ")} "$1" | wc -c`;
  return Number(execFileSync("sh", ["-c", script, command, file]).toString());
}

/** Counts the bytes of values that are asked for by key. */
class CountingStore implements KeyValueStore {
  bytesRead = 0;
  readonly #store: KeyValueStore;
  readonly batch: KeyValueStore["batch"];
  readonly entries: KeyValueStore["entries"];
  readonly clear: KeyValueStore["clear"];
  readonly compact: KeyValueStore["compact"];
  readonly close: KeyValueStore["close"];

  constructor(store: KeyValueStore) {
    this.#store = store;
    this.batch = (operations, options) => store.batch(operations, options);
    this.entries = (range) => store.entries(range);
    this.clear = (range) => store.clear(range);
    this.compact = (range) => store.compact(range);
    this.close = () => store.close();
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = await this.#store.get(key);
    this.bytesRead += value?.length ?? 0;
    return value;
  }
}
