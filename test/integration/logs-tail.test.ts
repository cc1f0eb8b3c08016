import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { diskFiles } from "../../agent/logs/tail/disk-files.ts";
import type { Cursor, LineSink } from "../../agent/logs/tail/ports.ts";
import { TAIL_DEFAULTS, Tailer, type TailOptions } from "../../agent/logs/tail/tailer.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { splitLines } from "../support/line-splitter.ts";
import { MemoryLogger } from "../support/memory-logger.ts";

/** Times of files come in these steps, 10 ms at most. */
const KERNEL_TICK_MS = 20;

class Bed {
  readonly directory = directoryForTest();
  readonly lines: string[] = [];
  readonly metrics = new Metrics();
  readonly logger = new MemoryLogger();
  /** Bytes told as not read, at each write to the sink. */
  readonly lagBytes: number[] = [];
  readonly #cursors = new Map<string, Uint8Array>();
  #tailer: Tailer | null = null;

  path(name: string): string {
    return join(this.directory, name);
  }

  start(include: string[], options: Partial<TailOptions> = {}): Tailer {
    const sink: LineSink = {
      append: async (lines, cursors) => {
        this.lagBytes.push(this.metric("lag_bytes"));
        for (const { bytes } of lines) this.lines.push(Buffer.from(bytes).toString());
        for (const { key, value } of cursors) {
          if (value === null) this.#cursors.delete(key);
          else this.#cursors.set(key, value);
        }
      },
    };
    const source = {
      name: "test",
      include: include.map((pattern) => join(this.directory, pattern)),
      exclude: [join(this.directory, "**/excluded*")],
      labels: () => [],
      createShaper: splitLines,
    };
    const cursors: Cursor[] = [...this.#cursors].map(([key, value]) => ({ key, value }));
    const { metrics, logger } = this;
    const deps = { files: diskFiles(), sink, clock: nodeClock, logger, metrics };
    const all = { ...TAIL_DEFAULTS, firstStart: "start" as const, ...options };
    this.#tailer = new Tailer(deps, [source], all, cursors);
    return this.#tailer;
  }

  stop(): void {
    this.#tailer?.close();
  }

  metric(name: string): number {
    const samples = this.metrics
      .samples()
      .filter((one) => one.name === `telltale_agent_log_${name}`);
    return samples.reduce((sum, { value }) => sum + value, 0);
  }
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n}`);
const text = (from: number, to: number) =>
  numbered(from, to)
    .map((line) => `${line}\n`)
    .join("");

test.each([
  ["rename", ""],
  ["delaycompress", "compress\ndelaycompress"],
  ["compress", "compress"],
  ["copytruncate", "copytruncate"],
  ["copytruncate and compress", "copytruncate\ncompress"],
  ["dates", "dateext\ndateformat -%Y%m%d-%s"],
])("every line comes once over logrotate with %s, up and down", async (_name, how) => {
  const bed = new Bed();
  const log = bed.path("x.log");
  const config = bed.path("logrotate.conf");
  const create = how.includes("copytruncate") ? "" : "create";
  writeFileSync(config, `${log} {\nrotate 30\n${create}\n${how}\n}\n`, { mode: 0o644 });
  const rotate = () => {
    execFileSync("logrotate", ["--force", "--state", bed.path("state"), config]);
  };
  writeFileSync(log, text(0, 10));
  let tailer = bed.start(["*.log"]);
  await tailer.look();
  let next = 10;
  for (let round = 0; round < 6; round += 1) {
    const isDown = round % 2 === 1;
    if (isDown) bed.stop();
    for (let rotations = 1 + (round % 3); rotations > 0; rotations -= 1) {
      appendFileSync(log, text(next, next + 20));
      next += 20;
      rotate();
      // Names of dates have seconds, and so have the states of logrotate.
      if (how.includes("dateext")) await nodeClock.sleep(1100);
      if (how === "copytruncate" && !isDown) await tailer.look();
    }
    appendFileSync(log, text(next, next + 5));
    next += 5;
    if (isDown) tailer = bed.start(["*.log"]);
    await tailer.look();
    await tailer.look();
  }
  bed.stop();
  expect(bed.lines).toEqual(numbered(0, next));
  expect(bed.metric("lost_bytes_total")).toBe(0);
});

test.each([
  ["copytruncate", 0, 1],
  ["copytruncate\ncompress\ndelaycompress", 1, 2],
  ["create", 1, 0],
  ["create\ncompress", 0, 0],
])(
  "of a log that is rotated with %s before it is first read, what may be lost is told",
  async (how, more, losses) => {
    const bed = new Bed();
    const log = bed.path("x.log");
    const config = bed.path("logrotate.conf");
    writeFileSync(config, `${log} {\nrotate 30\n${how}\n}\n`, { mode: 0o644 });
    const tailer = bed.start(["*.log"], { quietMs: 0 });
    await tailer.look();
    for (let round = 0; round <= 1 + more; round += 1) {
      appendFileSync(log, text(round * 10, round * 10 + 10));
      if (round > more) break;
      await delay(KERNEL_TICK_MS); // a copy made at once would be as old as the log
      execFileSync("logrotate", ["--force", "--state", bed.path("state"), config]);
    }
    await tailer.look();
    await tailer.look();
    expect(bed.lines).toEqual(numbered(0, 10 * (2 + more)));
    bed.stop();
    expect(bed.metric("losses_total")).toBe(losses);
  },
);

test("a FIFO, loops of links and excluded files are left out, and the rest is read", async () => {
  const bed = new Bed();
  mkdirSync(bed.path("a/b"), { recursive: true });
  execFileSync("mkfifo", [bed.path("a/fifo.log")]);
  symlinkSync(bed.path("a"), bed.path("a/b/loop"));
  symlinkSync(bed.path("a/self.log"), bed.path("a/self.log"));
  writeFileSync(bed.path("a/b/excluded.log"), "excluded\n");
  writeFileSync(bed.path("a/b/deep.log"), "deep\n");
  symlinkSync(bed.path("a/b/deep.log"), bed.path("a/link.log"));
  const tailer = bed.start(["**/*.log"]);
  await tailer.look();
  expect(bed.lines).toEqual(["deep"]);
  appendFileSync(bed.path("a/b/deep.log"), "more\n");
  await tailer.look();
  expect(bed.lines).toEqual(["deep", "more"]);
  bed.stop();
});

test("a first start begins at the end, with the line that is being written; later files at their start", async () => {
  const bed = new Bed();
  writeFileSync(bed.path("old.log"), "old\nhal");
  const tailer = bed.start(["*.log"], { firstStart: "end" });
  await tailer.look();
  appendFileSync(bed.path("old.log"), "f\n");
  writeFileSync(bed.path("new.log"), "new\n");
  await tailer.look();
  expect(bed.lines.sort()).toEqual(["half", "new"]);
  bed.stop();
});

test.each([
  ["renamed", "create"],
  ["copied and truncated", "copytruncate"],
])(
  "a first start beside an empty rotated file follows a log that is then %s",
  async (_what, how) => {
    const bed = new Bed();
    const log = bed.path("x.log");
    const config = bed.path("logrotate.conf");
    writeFileSync(config, `${log} {\nrotate 30\n${how}\n}\n`, { mode: 0o644 });
    writeFileSync(log, text(0, 6));
    writeFileSync(`${log}.1`, "");
    const tailer = bed.start(["*.log"], { firstStart: "end" });
    await tailer.look();
    appendFileSync(log, text(6, 10));
    execFileSync("logrotate", ["--force", "--state", bed.path("state"), config]);
    appendFileSync(log, text(10, 12));
    await tailer.look();
    await tailer.look();
    expect(bed.lines).toEqual(numbered(6, 12));
    bed.stop();
  },
);

test("files that followed an empty log are read also when the clock was set back meanwhile", async () => {
  const bed = new Bed();
  const log = bed.path("x.log");
  writeFileSync(log, "");
  await bed.start(["*.log"]).look();
  bed.stop();
  writeFileSync(log, text(0, 3));
  const before = new Date(Date.now() - 700_000);
  for (let from = 3; from < 9; from += 3) {
    if (from > 3) renameSync(`${log}.1`, `${log}.2`);
    renameSync(log, `${log}.1`);
    writeFileSync(log, text(from, from + 3));
    utimesSync(log, before, before);
  }
  await bed.start(["*.log"]).look();
  expect(bed.lines).toEqual(numbered(0, 9));
  bed.stop();
});

test("new files are read also when the clock was set back since those before them went away", async () => {
  const bed = new Bed();
  const log = bed.path("x.log");
  writeFileSync(log, text(0, 3));
  const later = new Date(Date.now() + 700_000);
  utimesSync(log, later, later);
  await bed.start(["*.log"]).look();
  bed.stop();
  unlinkSync(log);
  writeFileSync(`${log}.1`, text(3, 6));
  writeFileSync(log, text(6, 9));
  await bed.start(["*.log"]).look();
  expect(bed.lines).toEqual(numbered(0, 9));
  bed.stop();
});

test("what is written to a file after it was deleted is read", async () => {
  const bed = new Bed();
  const log = bed.path("x.log");
  writeFileSync(log, "one\n");
  const tailer = bed.start(["*.log"]);
  await tailer.look();
  renameSync(log, bed.path("elsewhere"));
  appendFileSync(bed.path("elsewhere"), "two\n");
  unlinkSync(bed.path("elsewhere"));
  await tailer.look();
  expect(bed.lines).toEqual(["one", "two"]);
  bed.stop();
});

test("the lag has the files that were rotated away since the last look", async () => {
  const bed = new Bed();
  const log = bed.path("x.log");
  writeFileSync(log, text(0, 3));
  const tailer = bed.start(["*.log"]);
  await tailer.look();
  appendFileSync(log, text(3, 4));
  for (let from = 4; from < 8; from += 2) {
    await delay(KERNEL_TICK_MS);
    if (from > 4) renameSync(`${log}.1`, `${log}.2`);
    renameSync(log, `${log}.1`);
    writeFileSync(log, text(from, from + 2));
  }
  const [lag, ...others] = await tailer.lags();
  expect(others).toEqual([]);
  expect(lag?.bytes).toBe(text(3, 8).length);
  await tailer.look();
  expect(bed.lines).toEqual(numbered(0, 8));
  expect(await tailer.lags()).toEqual([]);
  bed.stop();
});

test("after a restart the lag is told before anything is read", async () => {
  const bed = new Bed();
  const log = bed.path("x.log");
  writeFileSync(log, text(0, 3));
  await bed.start(["*.log"]).look();
  bed.stop();
  appendFileSync(log, text(3, 4));
  renameSync(log, `${log}.1`);
  await delay(KERNEL_TICK_MS);
  writeFileSync(log, text(4, 9));
  bed.lagBytes.length = 0;
  const stop = new AbortController();
  const run = bed.start(["*.log"]).run(stop.signal);
  while (bed.lines.length < 9) await delay(5);
  stop.abort();
  await run;
  expect(bed.lagBytes[0]).toBe(text(3, 9).length);
  expect(bed.lines).toEqual(numbered(0, 9));
});

test("200 idle files are held open, and let go at the end", async () => {
  const bed = new Bed();
  for (let n = 0; n < 200; n += 1) writeFileSync(bed.path(`${n}.log`), "x\n");
  const tailer = bed.start(["*.log"]);
  for (let n = 0; n < 5; n += 1) await tailer.look();
  expect(readdirSync("/proc/self/fd").length).toBeGreaterThan(200);
  bed.stop();
  expect(bed.lines.length).toBe(200);
  expect(readdirSync("/proc/self/fd").length).toBeLessThan(200);
});
