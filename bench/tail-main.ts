/**
 * What tails files in the agent, by itself: tailer, shaper and queue, in a process of its own with the
 * agent's settings of V8.
 * Arguments: a glob pattern, a directory for the queue (a new one if left out), and "plain" for lines
 * that are neither masked nor joined. It runs until it is killed, as `e_tail.py` wants it, and prints
 * what it used at each line that it reads from its input.
 */
import "../agent/footprint/v8-flags.ts";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { garbageLook } from "../agent/footprint/program-pages.ts";
import { optimiseFirstTicks } from "../agent/footprint/v8-flags.ts";
import { watchedStore } from "../agent/footprint/watched-store.ts";
import { openLineQueue } from "../agent/lines/line-queue.ts";
import { Masker } from "../agent/logs/shape/masker.ts";
import { newShapeCounts } from "../agent/logs/shape/shape-counts.ts";
import { JOIN_DEFAULTS, LINE_BYTES_MAX } from "../agent/logs/shape/shape-options.ts";
import { createShaper, type Emit } from "../agent/logs/shape/shaper.ts";
import { diskFiles } from "../agent/logs/tail/disk-files.ts";
import { TAIL_DEFAULTS, Tailer } from "../agent/logs/tail/tailer.ts";
import { labelsOf } from "../shared/model/labels.ts";
import { openLevelStore } from "../shared/platform/level-store.ts";
import { nodeClock } from "../shared/platform/node.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { MemoryLogger } from "../test/support/memory-logger.ts";

const LEVEL = { cacheBytes: 1024 ** 2, writeBufferBytes: 4 * 1024 ** 2 };
const NO_LIMIT = 2 ** 50;
const LIMITS = {
  bytesMax: NO_LIMIT,
  ageMaxMs: NO_LIMIT,
  whenFull: "block",
  freeBytesMin: 0,
} as const;

const [pattern = "", given, how] = process.argv.slice(2);
const directory = given ?? mkdtempSync(join(tmpdir(), "telltale-tail-"));
const counts = newShapeCounts();
const isPlain = how === "plain";
const shape = {
  lineBytesMax: LINE_BYTES_MAX,
  encoding: null,
  join: isPlain ? null : JOIN_DEFAULTS,
  masker: isPlain ? null : new Masker([], counts),
  counts,
};
const [metrics, logger] = [new Metrics(), new MemoryLogger()];

await openLevelStore(directory, LEVEL, console.error, async (level) => {
  const store = watchedStore(level, garbageLook());
  const freeBytes = async () => NO_LIMIT;
  const deps = { store, clock: nodeClock, random: Math.random, logger, metrics, freeBytes };
  const queue = await openLineQueue(deps, LIMITS);
  let lines = 0;
  const sink = {
    append: async (...[some, cursors]: Parameters<typeof queue.append>) => {
      await queue.append(some, cursors);
      lines += some.length;
    },
  };
  const source = {
    name: "bench",
    include: [pattern],
    exclude: [],
    labels: (path: string) => labelsOf({ filename: path }),
    createShaper: (startOffset: number, emit: Emit) =>
      createShaper("plain", shape, startOffset, emit),
  };
  const options = { ...TAIL_DEFAULTS, firstStart: "start" as const };
  const tailDeps = { files: diskFiles(), sink, clock: nodeClock, logger, metrics };
  const tailer = new Tailer(tailDeps, [source], options, []);
  const start = process.cpuUsage();
  optimiseFirstTicks();
  const stop = new AbortController();
  createInterface(process.stdin).on("line", () => {
    const { user, system } = process.cpuUsage(start);
    const rssMiB = process.memoryUsage().rss / 1024 ** 2;
    console.log(JSON.stringify({ lines, cpuSeconds: (user + system) / 1e6, rssMiB }));
  });
  await tailer.run(stop.signal);
});
