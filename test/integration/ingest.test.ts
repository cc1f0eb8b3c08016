import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { TargetBook } from "../../agent/model/target-book.ts";
import { grpcConnect, grpcProbe } from "../../agent/uplink/grpc-connect.ts";
import { metricsKind } from "../../agent/uplink/metrics-kind.ts";
import { runUplink } from "../../agent/uplink/uplink.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../../shared/wire/proto.ts";
import { DiskQueue } from "../support/disk-queue.ts";
import { IngestBed } from "../support/ingest-bed.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { plainly } from "../support/plainly.ts";
import { eventually } from "../support/programs.ts";
import { takenColumns } from "../support/taken-columns.ts";

const POLICY = { kind: "pick_first", weights: null } as const;
const nothing = () => {};

class Agent implements AsyncDisposable {
  readonly logger = new MemoryLogger();
  readonly #disk: DiskQueue;
  readonly #stop = new AbortController();
  readonly #uplink: Promise<void>;
  readonly #encoder: FrameEncoder;
  readonly #slot: number;
  readonly #startMs = nodeClock.nowMs() - 200_000;
  ticks = 0;

  private constructor(disk: DiskQueue, port: number) {
    this.#disk = disk;
    this.#encoder = new FrameEncoder(disk.queue.epoch, { keyframeEvery: 10 });
    this.#slot = this.#encoder.define(0, 0, labelsOf({ __name__: "ticks_total", job: "test" }));
    const address = { host: "127.0.0.1", port };
    const destination = {
      name: "aggregator",
      connect: grpcConnect(address, plainly),
      probe: grpcProbe(address, plainly),
    };
    const { logger } = this;
    const deps = { clock: nodeClock, random: Math.random, logger, metrics: new Metrics() };
    this.#uplink = runUplink(
      {
        ...deps,
        buffer: disk.queue,
        kind: metricsKind(disk.queue, new TargetBook()),
        destinations: [destination],
      },
      { node: "web-1", agentVersion: "0.1.0", intervalMs: 1000, policy: POLICY },
      this.#stop.signal,
    );
  }

  static async start(bed: IngestBed, name = "agent", port = bed.port): Promise<Agent> {
    return new Agent(await DiskQueue.open(join(bed.directory, name)), port);
  }

  async tick(count = 1): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      this.ticks += 1;
      this.#encoder.set(this.#slot, this.ticks);
      const timeMs = this.#startMs + this.ticks * 100;
      await this.#disk.queue.append(this.#encoder.encodeTick(timeMs));
    }
  }

  get ackedSeq(): number {
    return this.#disk.queue.ackedSeq;
  }

  get isDrained(): boolean {
    return this.ackedSeq === this.#disk.queue.newestSeq;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#uplink;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#disk[Symbol.asyncDispose]();
  }
}

/** Times at which the node's series has a sample, and its values. */
async function samples({ series }: IngestBed): Promise<{ times: number[]; values: number[] }> {
  const matchers = [
    { name: "__name__", type: "=" as const, value: "ticks_total" },
    { name: "instance", type: "=" as const, value: "web-1" },
  ];
  const selected = await series.select(matchers, 0, nodeClock.nowMs() + 1e9);
  const [columns] = await takenColumns(selected);
  return { times: [...(columns?.times ?? [])], values: [...(columns?.values ?? [])] };
}

const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test("every tick is stored once over real gRPC and LevelDB, though the aggregator dies again and again", async () => {
  await using bed = await IngestBed.open();
  await using agent = await Agent.start(bed);
  await agent.tick(300); // several windows
  await eventually(() => agent.ackedSeq > 0);
  for (let i = 0; i < 4; i += 1) {
    await agent.tick(20);
    await nodeClock.sleep(Math.random() * 60);
    await bed.kill();
    await agent.tick(20);
    await bed.start();
  }
  await agent.tick(5);
  await eventually(() => agent.isDrained);
  const { times, values } = await samples(bed);
  expect(values).toEqual(oneTo(agent.ticks));
  expect(new Set(times).size).toBe(agent.ticks);
  await agent.stop();
  expect(bed.heard.slice(-3)).toEqual(["connected web-1", "goodbye web-1", "disconnected web-1"]);
});

test("a second agent under the same name is refused by name and disturbs nobody", async () => {
  await using bed = await IngestBed.open();
  await using first = await Agent.start(bed, "one");
  await first.tick();
  await eventually(() => first.isDrained);
  await using second = await Agent.start(bed, "two");
  await eventually(() => second.logger.messages("warn").length > 0);
  const error = expect.stringContaining("two agents with the same name?");
  expect(second.logger.lines[0]?.fields).toMatchObject({ code: "IN_USE", error });
  await first.tick(3);
  await eventually(() => first.isDrained);
  expect((await samples(bed)).values).toEqual(oneTo(4));
});

test("a network that swallows everything is noticed and left", async () => {
  await using bed = await IngestBed.open();
  const sockets: Socket[] = [];
  let isSwallowing = false;
  const proxy = createServer((inner) => {
    const outer = connectTcp(bed.port, "127.0.0.1");
    sockets.push(inner, outer);
    inner.on("data", (data) => isSwallowing || outer.write(data));
    outer.on("data", (data) => isSwallowing || inner.write(data));
    for (const socket of [inner, outer]) socket.on("error", nothing);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  await using agent = await Agent.start(bed, "agent", (proxy.address() as AddressInfo).port);
  await agent.tick();
  await eventually(() => agent.isDrained);
  isSwallowing = true;
  await agent.tick();
  await eventually(() => agent.logger.messages("warn").length > 0);
  isSwallowing = false;
  await eventually(() => agent.isDrained);
  expect((await samples(bed)).values).toEqual([1, 2]);
}, 80_000);

test("a message over the limit costs its sender the stream and nobody else", async () => {
  await using bed = await IngestBed.open();
  await using agent = await Agent.start(bed);
  await agent.tick();
  await eventually(() => agent.isDrained);
  const { Ingest } = loadTelltale().v1;
  const client = new Ingest(`127.0.0.1:${bed.port}`, credentials.createInsecure());
  const call = client.stream();
  const fault = new Promise<Error>((resolve) => call.on("error", resolve));
  call.on("data", nothing);
  call.write({ frames: { frame: [new Uint8Array(MESSAGE_BYTES_MAX + 1)] } });
  expect((await fault).message).toContain("RESOURCE_EXHAUSTED");
  client.close();
  await agent.tick();
  await eventually(() => agent.isDrained);
  expect(agent.logger.messages("warn")).toEqual([]);
});

test("an agent whose certificate is no longer good is refused with the reason, and counted", async () => {
  await using bed = await IngestBed.open(() => null);
  await using agent = await Agent.start(bed);
  await eventually(() => agent.logger.messages("warn").length > 0);
  const error = expect.stringContaining("The certificate is no longer good");
  const [warning] = agent.logger.lines.filter(({ level }) => level === "warn");
  expect(warning?.fields).toMatchObject({ code: "UNAUTHENTICATED", error });
  // It tries again and again.
  const counted = /^telltale_ingest_errors_total\{code="UNAUTHENTICATED"\} [1-9]/m;
  await eventually(() => counted.test(bed.metricsPage()));
});
