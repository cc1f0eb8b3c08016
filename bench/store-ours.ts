import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { openSeriesStore, type SeriesStore } from "../aggregator/series/series-store.ts";
import { openLevelStore } from "../shared/platform/level-store.ts";
import { nodeClock } from "../shared/platform/node.ts";
import type { Clock } from "../shared/platform/ports.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { TICK_GROUP } from "../shared/wire/frame.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import { MemoryLogger } from "../test/support/memory-logger.ts";
import { progress } from "./report.ts";
import type { SampleSet, SetNode } from "./store-sets.ts";

const CUT_EVERY = 60;
/** Steps of one commit: an fsync a step is no part of what is measured. */
const COMMIT_STEPS = 10;
const LEVEL = { cacheBytes: 16 * 1024 ** 2, writeBufferBytes: 8 * 1024 ** 2, compresses: true };

export type Figures = Record<string, number>;

/** Stores a set by our own stream: bytes a sample after loading and after compaction. */
export async function measureOurs(directory: string, set: SampleSet): Promise<Figures> {
  const clock = new MovedClock();
  const store = await openLevelStore(
    directory,
    LEVEL,
    () => {},
    (level) =>
      openSeriesStore(
        { store: level, clock, logger: new MemoryLogger(), metrics: new Metrics() },
        {
          retentionMs: 30 * 86_400_000,
          futureLimitMs: 60_000,
          chunkMs: 600_000,
          commitDelayMs: 0,
          pause: () => nextTurn(),
        },
      ),
  );
  const figures: Figures = {};
  progress(`${set.name} into ours`);
  let cpu = process.cpuUsage();
  const samples = await load(store, set);
  figures["load_cpu_s_per_million"] = spentSince(cpu) / samples;
  figures["loaded_bytes_per_sample"] = bytesIn(directory) / samples;
  progress("compaction");
  clock.move(3 * 3_600_000);
  await store.cutDue();
  cpu = process.cpuUsage();
  for (let look = 0; look < 2; look += 1) await store.compactDue();
  figures["compact_cpu_s_per_million"] = spentSince(cpu) / samples;
  await store.reclaimLog();
  figures["bytes_per_sample"] = bytesIn(directory) / samples;
  await measureReading(store, figures);
  await store.close();
  return figures;
}

async function measureReading(store: SeriesStore, figures: Figures): Promise<void> {
  let samples = 0;
  const cpu = process.cpuUsage();
  for await (const { times } of await store.select([], 0, Number.MAX_SAFE_INTEGER)) {
    samples += times.length;
  }
  figures["read_ns_per_sample"] = (spentSince(cpu) / samples) * 1000;
}

async function load(store: SeriesStore, set: SampleSet): Promise<number> {
  const baseMs = Math.floor(Date.now() / 60_000) * 60_000 - set.steps * set.stepMs;
  const senders = set.nodes.map((node, i) => new Sender(node, i));
  let samples = 0;
  for (let step = 0; step < set.steps; step += COMMIT_STEPS) {
    const items = [];
    for (let at = step; at < Math.min(set.steps, step + COMMIT_STEPS); at += 1) {
      for (const sender of senders) items.push(...sender.items(at, baseMs + at * set.stepMs));
    }
    for (const outcome of await store.commit(items)) {
      if (outcome.kind === "rejected") throw new Error(`A frame was refused: ${outcome.detail}`);
      if (outcome.kind === "stored") samples += outcome.samples;
    }
    if (step % CUT_EVERY === 0) await store.cutDue();
  }
  return samples;
}

class Sender {
  readonly #encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  readonly #node: SetNode;
  readonly #slots: readonly number[];
  readonly #values: Float64Array;
  readonly #place: { readonly node: string; readonly streamId: string };

  constructor(node: SetNode, place: number) {
    this.#node = node;
    this.#values = new Float64Array(node.labels.length);
    this.#slots = node.labels.map((labels, i) =>
      this.#encoder.define(TICK_GROUP, node.scales[i] ?? 0, labels),
    );
    this.#place = { node: node.name, streamId: place.toString(16).padStart(32, "0") };
  }

  items(step: number, timeMs: number) {
    this.#node.read(step, this.#values);
    for (const [i, slot] of this.#slots.entries()) this.#encoder.set(slot, this.#values[i] ?? 0);
    const { bytes, definitions } = this.#encoder.encodeTick(timeMs);
    const frame = { kind: "frame", ...this.#place, bytes } as const;
    if (definitions.length === 0) return [frame];
    return [{ kind: "series", ...this.#place, epoch: 1, series: definitions } as const, frame];
  }
}

/** Time goes on as it does, and by what it is moved. */
class MovedClock implements Clock {
  readonly sleep = nodeClock.sleep.bind(nodeClock);
  #aheadMs = 0;

  move(ms: number): void {
    this.#aheadMs += ms;
  }

  nowMs(): number {
    return nodeClock.nowMs() + this.#aheadMs;
  }

  monotonicMs(): number {
    return nodeClock.monotonicMs() + this.#aheadMs;
  }
}

function spentSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system; // µs: divided by samples it is seconds a million
}

/** Bytes of all files in a directory and below. */
export function bytesIn(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}
