/** A tailer by itself, over LevelDB: what `logs.ts` kills. Arguments: the logs, the store. */

import { writeFileSync } from "node:fs";
import { diskFiles } from "../../agent/logs/tail/disk-files.ts";
import { TAIL_DEFAULTS, Tailer } from "../../agent/logs/tail/tailer.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { LevelSink } from "../support/level-sink.ts";
import { splitLines } from "../support/line-splitter.ts";
import { MemoryLogger } from "../support/memory-logger.ts";

const LIMITS = { cacheBytes: 1024 ** 2, writeBufferBytes: 4 * 1024 ** 2 };
const [logs = "", directory = ""] = process.argv.slice(2);

async function tail(store: KeyValueStore): Promise<void> {
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  const sink = new LevelSink(store);
  const cursors = await sink.cursors();
  const logger = new MemoryLogger();
  const source = {
    name: "torture",
    include: [`${logs}/*.log`],
    exclude: [],
    labels: (path: string) => ["filename", path],
    createShaper: splitLines,
  };
  const deps = { files: diskFiles(), sink, clock: nodeClock, logger, metrics: new Metrics() };
  const options = { ...TAIL_DEFAULTS, firstStart: "start", quietMs: 3000 } as const;
  const tailer = new Tailer(deps, [source], options, cursors);
  const say = setInterval(() => writeFileSync(`${directory}-lag`, `${tailer.lags().length}`), 1000);
  await tailer.run(stop.signal);
  clearInterval(say);
  for (const line of logger.lines) console.error(JSON.stringify(line));
  await store.close();
}

await openLevelStore(directory, LIMITS, (damage) => console.error(damage), tail);
