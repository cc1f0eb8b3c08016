import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { newShapeCounts } from "../../agent/logs/shape/shape-counts.ts";
import { LINE_BYTES_MAX } from "../../agent/logs/shape/shape-options.ts";
import { createShaper } from "../../agent/logs/shape/shaper.ts";
import { diskFiles } from "../../agent/logs/tail/disk-files.ts";
import type { LogFiles } from "../../agent/logs/tail/ports.ts";
import { TAIL_DEFAULTS, Tailer } from "../../agent/logs/tail/tailer.ts";
import { OperationalError } from "../../shared/errors.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { metricTotal } from "../support/metric-total.ts";

const MEBIBYTE = 1024 ** 2;
const GIGABYTE = 1e9;
const ENTRIES = 100_000;

/** Tails a directory of its own with the shaper of plain files. */
class Bed {
  readonly directory = directoryForTest();
  readonly metrics = new Metrics();
  readonly logger = new MemoryLogger();
  readonly counts = newShapeCounts();
  lines: string[] = [];
  readonly #tailer: Tailer;

  constructor(pattern: string, files: LogFiles = diskFiles()) {
    const options = { lineBytesMax: LINE_BYTES_MAX, encoding: null, join: null };
    const source = {
      name: "hostile",
      include: [this.path(pattern)],
      exclude: [],
      labels: () => [],
      createShaper: (startOffset: number, emit: Parameters<typeof createShaper>[3]) => {
        const shape = { ...options, masker: null, counts: this.counts };
        return createShaper("plain", shape, startOffset, emit);
      },
    };
    const sink = {
      append: async (lines: Iterable<{ readonly bytes: Uint8Array }>) => {
        for (const { bytes } of lines) this.lines.push(Buffer.from(bytes).toString());
      },
    };
    const { logger, metrics } = this;
    const deps = { files, sink, clock: nodeClock, logger, metrics };
    // One look reads all that there is.
    const fromStart = { ...TAIL_DEFAULTS, firstStart: "start", lookEveryMs: 60_000 } as const;
    this.#tailer = new Tailer(deps, [source], fromStart, []);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async look(): Promise<void> {
    await this.#tailer.look();
  }

  /** Bytes that were not read, by file. */
  async unread(): Promise<Record<string, number>> {
    const lags = await this.#tailer.lags();
    return Object.fromEntries(lags.map(({ path, bytes }) => [basename(path), bytes]));
  }

  total(name: string): number {
    return metricTotal(this.metrics, `telltale_agent_log_${name}`);
  }

  close(): void {
    this.#tailer.close();
  }
}

test("of a line of a gigabyte the beginning is kept, in bounded memory, and the next lines come", async () => {
  const bed = new Bed("*.log");
  const descriptor = openSync(bed.path("long.log"), "w");
  writeSync(descriptor, "x".repeat(1000));
  ftruncateSync(descriptor, GIGABYTE); // NUL bytes up to there, without a newline
  closeSync(descriptor);
  appendFileSync(bed.path("long.log"), "\nnext\n");
  writeFileSync(bed.path("other.log"), "other\n");
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before);
  }, 20);
  await bed.look();
  clearInterval(watch);
  most = Math.max(most, process.memoryUsage().rss - before);
  bed.close();
  const [long = "", ...rest] = bed.lines.filter((line) => line !== "other");
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(LINE_BYTES_MAX);
  expect(long.startsWith("x".repeat(1000))).toBe(true);
  expect(rest).toEqual(["next"]);
  expect(bed.lines).toContain("other");
  expect(bed.counts.linesCut).toBe(1);
  expect(most / MEBIBYTE).toBeLessThan(64);
});

test("a binary file becomes lines of valid UTF-8, and the rest goes on", async () => {
  const bed = new Bed("*.log");
  const bytes = Buffer.alloc(3 * MEBIBYTE);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = (i * 2654435761) >>> 13;
  writeFileSync(bed.path("binary.log"), bytes);
  writeFileSync(bed.path("other.log"), "other\n");
  await bed.look();
  appendFileSync(bed.path("binary.log"), "\nafter\n");
  await bed.look();
  bed.close();
  expect(bed.lines).toContain("other");
  expect(bed.lines.at(-1)).toBe("after");
  expect(bed.counts.linesReplaced).toBeGreaterThan(0);
});

test("FIFOs, sockets and loops of links are no log files, by pattern or by name", async () => {
  const bed = new Bed("{*.log,pipe}");
  execFileSync("mkfifo", [bed.path("fifo.log"), bed.path("pipe")]);
  symlinkSync(bed.path("loop.log"), bed.path("loop.log"));
  symlinkSync(bed.path("b.log"), bed.path("a.log"));
  symlinkSync(bed.path("a.log"), bed.path("b.log"));
  mkdirSync(bed.path("directory.log"));
  writeFileSync(bed.path("other.log"), "other\n");
  await bed.look();
  await bed.look();
  bed.close();
  expect(bed.lines).toEqual(["other"]);
});

test("of a directory of 100,000 files those up to the limit are read, and the others counted", async () => {
  const bed = new Bed("many/*.log");
  mkdirSync(bed.path("many"));
  const each = `yes read | head -n ${ENTRIES} | split -l 1 -a 5 --additional-suffix=.log`;
  execFileSync("sh", ["-c", each], { cwd: bed.path("many") });
  await bed.look();
  const cpu = process.cpuUsage();
  await bed.look();
  const { user, system } = process.cpuUsage(cpu);
  bed.close();
  execFileSync("rm", ["-r", bed.path("many")]);
  expect(bed.total("files_left_out")).toBe(ENTRIES - TAIL_DEFAULTS.pathsMax);
  expect(bed.total("files")).toBe(TAIL_DEFAULTS.pathsMax);
  expect(bed.lines).toEqual(new Array(TAIL_DEFAULTS.pathsMax).fill("read"));
  expect((user + system) / 1e6).toBeLessThan(2); // it is not listed at each look
}, 180_000);

test("a file whose permissions vanish is read on, and one that nobody may open is counted", async () => {
  const denied = new Set<string>();
  const disk = diskFiles();
  // Root may open everything.
  const open = (path: string) => {
    if (!denied.has(path)) return disk.open(path);
    throw new OperationalError("UNAVAILABLE", `Cannot read ${path}: permission denied`);
  };
  const bed = new Bed("*.log", { ...disk, open });
  writeFileSync(bed.path("held.log"), "one\n");
  await bed.look();
  chmodSync(bed.path("held.log"), 0);
  denied.add(bed.path("held.log")).add(bed.path("denied.log"));
  appendFileSync(bed.path("held.log"), "two\n");
  writeFileSync(bed.path("denied.log"), "denied\n");
  writeFileSync(bed.path("other.log"), "other\n");
  await bed.look();
  await bed.look();
  expect(bed.lines).toEqual(["one", "two", "other"]);
  expect(bed.total("faults_total")).toBe(1);
  expect(await bed.unread()).toEqual({ "denied.log": 7 });
  expect(bed.logger.messages("warn")).toEqual(["log file cannot be read"]);
  expect(statSync(bed.path("held.log")).mode & 0o777).toBe(0);
  bed.close();
});
