/** Logs of containers and the journal, read into a queue on the disk. Arguments: host root, store. */

import type { LineQueue } from "../../agent/lines/line-queue.ts";
import { containerLogs } from "../../agent/logs/containers/container-sources.ts";
import { JournalReader } from "../../agent/logs/journal/journal-reader.ts";
import { journalctl } from "../../agent/logs/journal/journalctl.ts";
import { Masker } from "../../agent/logs/shape/masker.ts";
import { newShapeCounts } from "../../agent/logs/shape/shape-counts.ts";
import { JOIN_DEFAULTS, LINE_BYTES_MAX } from "../../agent/logs/shape/shape-options.ts";
import { diskFiles } from "../../agent/logs/tail/disk-files.ts";
import type { LineSink } from "../../agent/logs/tail/ports.ts";
import { TAIL_DEFAULTS, Tailer } from "../../agent/logs/tail/tailer.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { withLineQueue } from "./logs-node.ts";

const [hostRoot = "", directory = ""] = process.argv.slice(2);
const say = (fields: object, message: string) => console.error(message, JSON.stringify(fields));
const logger = { debug: say, info: say, warn: say, error: say };

async function read(queue: LineQueue): Promise<void> {
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  const counts = newShapeCounts();
  const shape = {
    ...{ lineBytesMax: LINE_BYTES_MAX, encoding: null, join: JOIN_DEFAULTS, counts },
    masker: new Masker([], counts),
  };
  const appends = new SerialQueue();
  const sink: LineSink = {
    append: (lines, cursors) => appends.run(() => queue.append(lines, cursors)),
  };
  const files = diskFiles();
  const deps = { files, sink, clock: nodeClock, logger, metrics: new Metrics() };
  const cursors = [...(await queue.cursors())].map(([key, value]) => ({ key, value }));
  const { sources, names } = await containerLogs(
    { files, logger },
    { hostRoot, shape, labels: {} },
  );
  const tailer = new Tailer(deps, sources, TAIL_DEFAULTS, cursors);
  const findContainer = (id: string, name: string) => names.find(id, name);
  const journal = new JournalReader(
    { ...deps, journalctl: journalctl(), findContainer, random: Math.random },
    { hostRoot, shape, labels: {} },
    cursors,
  );
  await Promise.all([tailer.run(stop.signal), journal.run(stop.signal)]);
}

await withLineQueue(directory, read);
