import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { labelsOf } from "../shared/model/labels.ts";
import { nodeClock } from "../shared/platform/node.ts";
import type { KeyValueStore } from "../shared/platform/ports.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import { DiskQueue } from "../test/support/disk-queue.ts";
import { Bed, eventually, type Program, residentMiB } from "../test/support/programs.ts";
import { SeededRandom } from "../test/support/random.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress } from "./report.ts";

const MEBIBYTE = 1024 ** 2;
const SERIES = 1000;
/** After it both have given the pages of their start back. */
const SETTLE_MS = 25_000;

/**
 * An agent that starts with a backlog of so many MiB (default: 1024), beside one that starts with
 * none; no aggregator answers either. Age and size limits are lifted.
 */
export async function backlog([mebibytes = "1024"]: readonly string[]): Promise<BenchResult> {
  await using full = await Bed.open();
  await using empty = await Bed.open();
  progress(`filling a buffer with ${mebibytes} MiB`);
  const frames = await fill(full.path("agent"), Number(mebibytes) * MEBIBYTE);
  const config = empty.write("agent.yaml", "buffer: {bytes_max: 64GiB, age_max: 3650d}\n");
  spawnSync("sync"); // no start waits for what the filling left to be written
  progress(`${frames} frames; starting both agents`);
  const [without, withBacklog] = await Promise.all(
    [empty, full].map((bed) => startMs(bed, config)),
  );
  if (without === undefined || withBacklog === undefined) throw new Error("no agent");
  await delay(SETTLE_MS);
  const rss = {
    with: residentMiB(withBacklog.agent.child.pid),
    without: residentMiB(without.agent.child.pid),
  };
  return {
    name: "backlog",
    value: withBacklog.ms / 1000,
    unit: "s to ready",
    vs: {
      frames,
      ready_seconds_without: without.ms / 1000,
      ready_ratio: withBacklog.ms / without.ms,
      rss_mib: rss.with,
      rss_mib_without: rss.without,
      rss_ratio: rss.with / rss.without,
    },
  };
}

async function startMs(bed: Bed, config: string): Promise<{ ms: number; agent: Program }> {
  const beganMs = performance.now();
  const agent = bed.start("agent", [`--config=${config}`]);
  await eventually(
    async () => (await fetch(`http://127.0.0.1:${bed.agentPort}/metrics`)).ok,
    120_000,
  );
  return { ms: performance.now() - beganMs, agent };
}

/** Returns the number of frames. */
async function fill(directory: string, bytes: number): Promise<number> {
  mkdirSync(directory, { recursive: true });
  const random = new SeededRandom(1);
  await using disk = await DiskQueue.open(directory, unsynced);
  const encoder = new FrameEncoder(disk.queue.epoch, { keyframeEvery: 60 });
  const slots = Array.from({ length: SERIES }, (_, i) =>
    encoder.define(0, 0, labelsOf({ __name__: "backlog_total", n: String(i) })),
  );
  let count = 0;
  for (let written = 0; written < bytes; count += 1) {
    for (const slot of slots) encoder.set(slot, Math.floor(random.next() * 1e9));
    const frame = encoder.encodeTick(nodeClock.nowMs() + count * 1000 - 40 * 86_400_000);
    await disk.queue.append(frame);
    written += frame.bytes.length;
  }
  return count;
}

/** Filling need not survive a power cut. */
function unsynced(store: KeyValueStore): KeyValueStore {
  return {
    get: (key) => store.get(key),
    batch: (operations) => store.batch(operations, { sync: false }),
    entries: (range) => store.entries(range),
    clear: (range) => store.clear(range),
    compact: (range) => store.compact(range),
    close: () => store.close(),
  };
}
