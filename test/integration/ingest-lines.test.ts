import { join } from "node:path";
import { expect, test } from "vitest";
import { type LineQueue, openLineQueue } from "../../agent/lines/line-queue.ts";
import { grpcConnect, grpcProbe } from "../../agent/uplink/grpc-connect.ts";
import { LOGS_KIND } from "../../agent/uplink/logs-kind.ts";
import { runUplink } from "../../agent/uplink/uplink.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { IngestBed } from "../support/ingest-bed.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { plainly } from "../support/plainly.ts";
import { eventually } from "../support/programs.ts";

const LEVEL = { cacheBytes: 2 ** 20, writeBufferBytes: 2 ** 16 };
const LIMITS = {
  bytesMax: 2 ** 30,
  ageMaxMs: 2 ** 50,
  whenFull: "drop_oldest",
  freeBytesMin: 0,
} as const;
const LABELS = labelsOf({ filename: "/var/log/app.log", job: "files" });

/** A node with numbered lines. */
class Node implements AsyncDisposable {
  readonly queue: LineQueue;
  readonly #store: KeyValueStore;
  readonly #stop = new AbortController();
  readonly #uplink: Promise<void>;
  made = 0;

  private constructor(store: KeyValueStore, queue: LineQueue, port: number) {
    this.#store = store;
    this.queue = queue;
    const address = { host: "127.0.0.1", port };
    const destination = {
      name: "aggregator",
      connect: grpcConnect(address, plainly),
      probe: grpcProbe(address, plainly),
    };
    const parts = { clock: nodeClock, random: Math.random, logger: new MemoryLogger() };
    const policy = { kind: "pick_first", weights: null } as const;
    this.#uplink = runUplink(
      {
        ...parts,
        metrics: new Metrics(),
        buffer: queue,
        kind: LOGS_KIND,
        destinations: [destination],
      },
      { node: "web-1", agentVersion: "0.1.0", intervalMs: 1000, policy },
      this.#stop.signal,
    );
  }

  static async start(bed: IngestBed): Promise<Node> {
    const place = join(bed.directory, "lines");
    let store = undefined as unknown as KeyValueStore;
    const queue = await openLevelStore(
      place,
      LEVEL,
      () => {},
      async (opened) => {
        store = opened;
        const deps = { store, clock: nodeClock, random: Math.random, metrics: new Metrics() };
        const others = { logger: new MemoryLogger(), freeBytes: async () => LIMITS.bytesMax };
        return await openLineQueue({ ...deps, ...others }, LIMITS);
      },
    );
    return new Node(store, queue, bed.port);
  }

  async append(count: number): Promise<void> {
    const lines = Array.from({ length: count }, (_, i) => {
      const bytes = Buffer.from(`${"word ".repeat(20)}${this.made + i}`);
      return { labels: LABELS, timeUs: nodeClock.nowMs() * 1000, bytes, isCut: false };
    });
    await this.queue.append(lines, []);
    this.made += count;
  }

  get isDrained(): boolean {
    return this.queue.ackedSeq === this.queue.newestSeq;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#uplink;
    await this.queue.close();
    await this.#store.close();
  }
}

async function numbers({ lines }: IngestBed): Promise<number[]> {
  const found: number[] = [];
  for (const block of lines.blocks) {
    const read = await lines.read(block);
    for (const { bytes } of read?.sources[0]?.lines ?? []) {
      found.push(Number(/\d+$/.exec(Buffer.from(bytes).toString())?.[0]));
    }
  }
  return found;
}

test("every line is stored once and in order over real gRPC and LevelDB, though the aggregator dies again and again", async () => {
  await using bed = await IngestBed.open();
  await using node = await Node.start(bed);
  for (let i = 0; i < 100; i += 1) await node.append(10); // more than a window
  await eventually(() => node.queue.ackedSeq > 0);
  for (let i = 0; i < 4; i += 1) {
    await node.append(50);
    await nodeClock.sleep(Math.random() * 60);
    await bed.kill();
    await node.append(50);
    await bed.start();
  }
  await eventually(() => node.isDrained);
  expect(await numbers(bed)).toEqual(Array.from({ length: node.made }, (_, i) => i));
  const page = bed.metricsPage();
  expect(page).toContain('telltale_ingest_log_blocks_total{outcome="stored"}');
  expect(node.queue.accounts).toMatchObject({ made: 108, stored: 108, waiting: 0, dropped: [] });
});
