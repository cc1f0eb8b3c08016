import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FrameQueue, openFrameQueue } from "../../agent/frames/frame-queue.ts";
import { grpcConnect } from "../../agent/uplink/grpc-connect.ts";
import { grpcProbe } from "../../agent/uplink/grpc-probe.ts";
import { runUplink } from "../../agent/uplink/uplink.ts";
import { ingestHandlers } from "../../aggregator/ingest/grpc-handler.ts";
import { IngestService } from "../../aggregator/ingest/ingest-service.ts";
import { openSeriesStore, type SeriesStore } from "../../aggregator/series/series-store.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../../shared/wire/proto.ts";
import { IngestBed } from "../support/ingest-bed.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { plainly } from "../support/plainly.ts";

const LEVEL = { cacheBytes: 1024 * 1024, writeBufferBytes: 1024 * 1024 };
const SERIES = {
  retentionMs: 86_400_000,
  futureLimitMs: 600_000,
  chunkMs: 600_000,
  commitDelayMs: 3,
};
const nothing = () => {};
let directory = "";
let cleanups: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "telltale-ingest-"));
  cleanups = [];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  await rm(directory, { recursive: true, force: true });
});

async function until(isDone: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const endMs = nodeClock.monotonicMs() + timeoutMs;
  while (!(await isDone())) {
    if (nodeClock.monotonicMs() > endMs) throw new Error("it did not happen in time");
    await nodeClock.sleep(10);
  }
}

class Aggregator {
  readonly port: number;
  /** What the fleet would be told, frames left out. */
  readonly events: readonly string[];
  readonly series: SeriesStore;
  readonly #server: Server;
  readonly #service: IngestService;
  #isStopped = false;

  private constructor(
    server: Server,
    port: number,
    parts: { series: SeriesStore; service: IngestService; events: readonly string[] },
  ) {
    this.#server = server;
    this.port = port;
    this.series = parts.series;
    this.#service = parts.service;
    this.events = parts.events;
    cleanups.push(() => this.kill());
  }

  static async start(
    port = 0,
    wrap: (store: KeyValueStore) => KeyValueStore = (store) => store,
  ): Promise<Aggregator> {
    const logger = new MemoryLogger();
    const metrics = new Metrics();
    const series = await openLevelStore(join(directory, "series"), LEVEL, nothing, (store) =>
      openSeriesStore({ store: wrap(store), clock: nodeClock, logger, metrics }, SERIES),
    );
    const told: string[] = [];
    const events = {
      connected: (node: string) => told.push(`connected ${node}`),
      committed: nothing,
      accounted: nothing,
      droppedRanges: nothing,
      clockMeasured: nothing,
      goodbye: (node: string) => told.push(`goodbye ${node}`),
      disconnected: (node: string) => told.push(`disconnected ${node}`),
    };
    const service = new IngestService(
      { store: series, clock: nodeClock, logger, metrics, events },
      { windowFrames: 64 },
    );
    const server = new Server({ "grpc.max_receive_message_length": MESSAGE_BYTES_MAX });
    server.addService(loadTelltale().v1.Ingest.service, ingestHandlers(service));
    const bound = await new Promise<number>((resolve, reject) => {
      const address = `127.0.0.1:${port}`;
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, boundPort) => {
        if (error === null) resolve(boundPort);
        else reject(error);
      });
    });
    return new Aggregator(server, bound, { series, service, events: told });
  }

  /** Times at which the node's series has a sample, and its values. */
  async samples(node: string): Promise<{ times: number[]; values: number[] }> {
    const matchers = [
      { name: "__name__", type: "=" as const, value: "ticks_total" },
      { name: "instance", type: "=" as const, value: node },
    ];
    const [columns] = await this.series.select(matchers, 0, nodeClock.nowMs() + 1e9);
    return { times: [...(columns?.times ?? [])], values: [...(columns?.values ?? [])] };
  }

  /** Connections break, the store is closed between two writes. */
  async kill(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#server.forceShutdown();
    await this.#service[Symbol.asyncDispose]();
    await this.series.close();
  }
}

class Agent {
  readonly logger = new MemoryLogger();
  readonly metrics = new Metrics();
  readonly buffer: FrameQueue;
  readonly stop = new AbortController();
  readonly uplink: Promise<void>;
  readonly #encoder: FrameEncoder;
  readonly #slot: number;
  readonly #startMs = nodeClock.nowMs() - 100_000;
  ticks = 0;

  private constructor(node: string, port: number, buffer: FrameQueue, store: KeyValueStore) {
    this.buffer = buffer;
    this.#encoder = new FrameEncoder(buffer.epoch, { keyframeEvery: 10 });
    this.#slot = this.#encoder.define(0, 0, labelsOf({ __name__: "ticks_total", job: "test" }));
    const { logger, metrics } = this;
    const address = { host: "127.0.0.1", port };
    const destination = {
      name: "aggregator",
      connect: grpcConnect(address, plainly),
      probe: grpcProbe(address, plainly),
    };
    this.uplink = runUplink(
      {
        buffer,
        destinations: [destination],
        clock: nodeClock,
        random: Math.random,
        logger,
        metrics,
      },
      {
        node,
        agentVersion: "0.1.0",
        intervalMs: 1000,
        policy: { kind: "pick_first", weights: null },
      },
      this.stop.signal,
    );
    cleanups.push(async () => {
      this.stop.abort();
      await this.uplink;
      await this.buffer.close();
      await store.close();
    });
  }

  static async start(port: number, node = "web-1", name = "agent"): Promise<Agent> {
    const store = await openLevelStore(
      join(directory, name),
      LEVEL,
      nothing,
      async (opened) => opened,
    );
    const deps = { store, clock: nodeClock, random: Math.random, logger: new MemoryLogger() };
    const limits = {
      bytesMax: 1e8,
      ageMaxMs: 1e9,
      whenFull: "drop_oldest",
      freeBytesMin: 0,
    } as const;
    const freeBytes = async () => 1e9;
    const buffer = await openFrameQueue({ ...deps, metrics: new Metrics(), freeBytes }, limits);
    return new Agent(node, port, buffer, store);
  }

  async tick(count = 1): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      this.ticks += 1;
      this.#encoder.set(this.#slot, this.ticks);
      const timeMs = this.#startMs + this.ticks * 100;
      await this.buffer.append(this.#encoder.encodeTick(timeMs));
    }
  }

  get isDrained(): boolean {
    return this.buffer.ackedSeq === this.buffer.newestSeq;
  }
}

const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test("every tick is stored once over real gRPC and LevelDB, though the aggregator dies again and again", async () => {
  let aggregator = await Aggregator.start();
  const { port } = aggregator;
  const agent = await Agent.start(port);
  await agent.tick(100); // more than the window
  await until(() => agent.buffer.ackedSeq > 0);
  for (let i = 0; i < 4; i += 1) {
    await agent.tick(20);
    await nodeClock.sleep(Math.random() * 60);
    await aggregator.kill();
    await agent.tick(20);
    aggregator = await Aggregator.start(port);
  }
  await agent.tick(5);
  await until(() => agent.isDrained, 20_000);
  const { times, values } = await aggregator.samples("web-1");
  expect(values).toEqual(oneTo(agent.ticks));
  expect(new Set(times).size).toBe(agent.ticks);
});

test("nothing is acked and nothing can be queried while the aggregator's fsync hangs", async () => {
  let release = () => {};
  let isHanging = false;
  const aggregator = await Aggregator.start(0, (store) => ({
    get: (key) => store.get(key),
    entries: (range) => store.entries(range),
    clear: (range) => store.clear(range),
    compact: (range) => store.compact(range),
    close: () => store.close(),
    batch: async (operations, options) => {
      await store.batch(operations, options);
      if (!isHanging || !options.sync) return;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    },
  }));
  const agent = await Agent.start(aggregator.port);
  await agent.tick(2);
  await until(() => agent.isDrained);
  const { ackedSeq } = agent.buffer;
  isHanging = true;
  await agent.tick(3);
  await nodeClock.sleep(300);
  expect(agent.buffer.ackedSeq).toBe(ackedSeq);
  expect((await aggregator.samples("web-1")).values).toEqual([1, 2]);
  isHanging = false;
  release();
  await until(() => agent.isDrained);
  expect((await aggregator.samples("web-1")).values).toEqual(oneTo(5));
});

test("a second agent under the same name is told so and disturbs nobody", async () => {
  const aggregator = await Aggregator.start();
  const first = await Agent.start(aggregator.port, "web-1", "one");
  await first.tick();
  await until(() => first.isDrained);
  const second = await Agent.start(aggregator.port, "web-1", "two");
  await until(() => second.logger.messages("warn").length > 0);
  expect(second.logger.lines[0]?.fields).toMatchObject({ code: "IN_USE" });
  expect(JSON.stringify(second.logger.lines[0]?.fields)).toContain(
    "two agents with the same name?",
  );
  await first.tick(3);
  await until(() => first.isDrained);
  expect((await aggregator.samples("web-1")).values).toEqual(oneTo(4));
});

test("a goodbye arrives and ends the agent at once", async () => {
  const aggregator = await Aggregator.start();
  const agent = await Agent.start(aggregator.port);
  await until(() => aggregator.events.length > 0);
  await agent.tick(3);
  const startedMs = nodeClock.monotonicMs();
  agent.stop.abort();
  await agent.uplink;
  expect(nodeClock.monotonicMs() - startedMs).toBeLessThan(2500);
  expect(agent.isDrained).toBe(true);
  expect(aggregator.events).toEqual(["connected web-1", "goodbye web-1", "disconnected web-1"]);
});

test("a network that swallows everything is noticed and left within some seconds", async () => {
  const aggregator = await Aggregator.start();
  const sockets: Socket[] = [];
  let isSwallowing = false;
  const proxy = createServer((inner) => {
    const outer = connectTcp(aggregator.port, "127.0.0.1");
    sockets.push(inner, outer);
    inner.on("data", (data) => isSwallowing || outer.write(data));
    outer.on("data", (data) => isSwallowing || inner.write(data));
    for (const socket of [inner, outer]) socket.on("error", nothing);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const agent = await Agent.start(address.port);
  await agent.tick();
  await until(() => agent.isDrained);
  isSwallowing = true;
  await agent.tick();
  const startedMs = nodeClock.monotonicMs();
  await until(() => agent.logger.messages("warn").length > 0);
  expect(nodeClock.monotonicMs() - startedMs).toBeLessThan(15_000);
  isSwallowing = false;
  await until(() => agent.isDrained, 20_000);
  expect((await aggregator.samples("web-1")).values).toEqual([1, 2]);
}, 40_000);

test("a message over the limit costs its sender the stream and nobody else", async () => {
  const aggregator = await Aggregator.start();
  const agent = await Agent.start(aggregator.port);
  await agent.tick();
  await until(() => agent.isDrained);
  const client = new (loadTelltale().v1.Ingest)(
    `127.0.0.1:${aggregator.port}`,
    credentials.createInsecure(),
  );
  const call = client.stream();
  const fault = new Promise<string>((resolve) =>
    call.on("error", ({ message }) => resolve(message)),
  );
  call.on("data", nothing);
  call.write({ frames: { frame: [new Uint8Array(MESSAGE_BYTES_MAX + 1)] } });
  expect(await fault).toContain("RESOURCE_EXHAUSTED");
  client.close();
  await agent.tick();
  await until(() => agent.isDrained);
  expect(agent.logger.messages("warn")).toEqual([]);
});

test("an agent whose certificate is no longer good is told so, and counted", async () => {
  await using bed = await IngestBed.open(() => null);
  const agent = await Agent.start(bed.port);
  await until(() => agent.logger.messages("warn").length > 0);
  const error = expect.stringContaining("The certificate is no longer good");
  expect(agent.logger.lines[0]?.fields).toMatchObject({ code: "UNAUTHENTICATED", error });
  expect(bed.metricsPage()).toContain('telltale_ingest_errors_total{code="UNAUTHENTICATED"} 1');
});
