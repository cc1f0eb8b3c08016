import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { credentials } from "@grpc/grpc-js";
import { labelsOf } from "../shared/model/labels.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import { loadTelltale, PROTOCOL_VERSION } from "../shared/wire/proto.ts";
import { sumOnPage } from "../test/support/accounts.ts";
import {
  Bed,
  cpuSecondsOf,
  eventually,
  killAtExit,
  residentMiB,
} from "../test/support/programs.ts";
import type { BenchResult } from "./bench-result.ts";
import { Relay } from "./relay.ts";
import { progress } from "./report.ts";

const AGENT_SECONDS = 60;
const NODES = 10;
const SERIES_PER_NODE = 1000;
/** An hour of ticks a node, sent as fast as they are taken. */
const TICKS = 3600;
const CHANGING_SHARE = 0.13; // of a real node's values from one second to the next

/**
 * What the whole way costs: the real agent on this machine beside a bare Node process, then the
 * aggregator taking an hour of ten nodes of a thousand series as fast as it can, each ack an fsync.
 */
export async function spine(): Promise<BenchResult> {
  const agent = await measureAgent();
  const ingest = await measureIngest();
  return {
    name: "spine",
    value: ingest.samplesPerSecond,
    unit: "samples/s to fsync",
    vs: { ...agent, ...ingest },
  };
}

async function measureAgent(): Promise<Record<string, number>> {
  await using bed = await Bed.open();
  const aggregator = await bed.startReadyAggregator();
  await using wire = await Relay.open(bed.grpcPort);
  const agent = bed.start("agent", [`--aggregator=127.0.0.1:${wire.port}`]);
  await eventually(async () => (await bed.query("up")).length === 1);
  await delay(10_000);
  const before = {
    cpu: cpuSecondsOf(agent.child),
    bytes: wire.bytesUp,
    cpuAgg: cpuSecondsOf(aggregator.child),
  };
  const samplesBefore = await storedSamples(bed);
  progress(`agent on this machine, ${AGENT_SECONDS} s`);
  await delay(AGENT_SECONDS * 1000);
  const cpu = cpuSecondsOf(agent.child) - before.cpu;
  const samples = (await storedSamples(bed)) - samplesBefore;
  return {
    agent_cpu_seconds_per_minute: (cpu * 60) / AGENT_SECONDS,
    agent_rss_mib: residentMiB(agent.child.pid),
    bare_node_rss_mib: await bareNodeMiB(),
    agent_samples_per_second: samples / AGENT_SECONDS,
    wire_bytes_per_sample: (wire.bytesUp - before.bytes) / samples,
    aggregator_cpu_seconds_per_minute:
      ((cpuSecondsOf(aggregator.child) - before.cpuAgg) * 60) / AGENT_SECONDS,
    aggregator_rss_mib: residentMiB(aggregator.child.pid),
  };
}

async function measureIngest(): Promise<Record<string, number> & { samplesPerSecond: number }> {
  await using bed = await Bed.open();
  const aggregator = await bed.startReadyAggregator();
  const baseMs = Math.floor(Date.now() / 1000) * 1000 - TICKS * 1000;
  progress(`${NODES} nodes × ${SERIES_PER_NODE} series × ${TICKS} ticks into one aggregator`);
  const senders = Array.from({ length: NODES }, (_, i) => encodeNode(`node${i}`, baseMs));
  const cpuBefore = cpuSecondsOf(aggregator.child);
  const beganMs = performance.now();
  await Promise.all(senders.map((sender) => send(bed.grpcPort, sender)));
  const seconds = (performance.now() - beganMs) / 1000;
  const samples = NODES * SERIES_PER_NODE * TICKS;
  const cpu = cpuSecondsOf(aggregator.child) - cpuBefore;
  const rssMiB = residentMiB(aggregator.child.pid);
  await delay(15_000); // chunks are cut in the background
  const [stored] = await bed.query(`sum(count_over_time(bench_total[2h]))`);
  if (stored?.[1] !== samples) throw new Error(`stored ${stored?.[1]} of ${samples} samples`);
  const wireBytes = senders.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    samplesPerSecond: samples / seconds,
    ingest_cpu_seconds_per_million: (cpu / samples) * 1e6,
    ingest_frame_bytes_per_sample: wireBytes / samples,
    stored_bytes_per_sample: directoryBytes(bed.path("aggregator/series")) / samples,
    ingest_rss_mib: rssMiB,
  };
}

type Sender = {
  readonly node: string;
  readonly series: readonly { id: number; group: number; scale: number; labels: string[] }[];
  readonly frames: readonly Buffer[];
  readonly lastSeq: number;
  readonly bytes: number;
};

/** Counters as a node has them: most stand still for a second, some move by a little. */
function encodeNode(node: string, baseMs: number): Sender {
  const encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  const slots = Array.from({ length: SERIES_PER_NODE }, (_, i) =>
    encoder.define(0, 2, labelsOf({ __name__: "bench_total", job: "node", i: String(i) })),
  );
  const values = slots.map((slot) => slot * 1000);
  let state = node.charCodeAt(4) + 1;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
  const frames: Buffer[] = [];
  let series: Sender["series"] = [];
  let lastSeq = 0;
  let bytes = 0;
  for (let tick = 0; tick < TICKS; tick += 1) {
    for (const slot of slots) {
      if (next() < CHANGING_SHARE) values[slot] = (values[slot] ?? 0) + Math.floor(next() * 200);
      encoder.set(slot, values[slot] ?? 0);
    }
    const frame = encoder.encodeTick(baseMs + tick * 1000);
    if (tick === 0) series = frame.definitions.map((one) => ({ ...one, labels: [...one.labels] }));
    frames.push(Buffer.from(frame.bytes));
    lastSeq = frame.seq;
    bytes += frame.bytes.length;
  }
  return { node, series, frames, lastSeq, bytes };
}

async function send(port: number, sender: Sender): Promise<void> {
  const { Ingest } = loadTelltale().v1;
  const client = new Ingest(`127.0.0.1:${port}`, credentials.createInsecure());
  const stream = client.Stream();
  let ackedSeq = 0;
  let wake = () => {};
  const ended = new Promise<never>((_, reject) => stream.on("error", reject));
  stream.on("data", (message: { ack?: { seq: number } }) => {
    ackedSeq = message.ack?.seq ?? ackedSeq;
    wake();
  });
  const id = sender.node.charCodeAt(4).toString(16).padStart(32, "0");
  stream.write({
    hello: {
      protocolVersion: PROTOCOL_VERSION,
      kind: "KIND_METRICS",
      node: sender.node,
      streamId: id,
      agentVersion: "bench",
      intervalMs: 1000,
    },
  });
  stream.write({ series: { epoch: 1, series: [...sender.series] } });
  const firstSeq = sender.lastSeq - sender.frames.length + 1;
  for (let sent = 0; sent < sender.frames.length; sent += 32) {
    while (firstSeq + sent - Math.max(ackedSeq, firstSeq - 1) > 256) {
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
    }
    stream.write({ frames: { frame: sender.frames.slice(sent, sent + 32) } });
  }
  while (ackedSeq < sender.lastSeq) {
    await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
  }
  stream.end();
  client.close();
}

async function storedSamples(bed: Bed): Promise<number> {
  return sumOnPage(await bed.metrics(), "telltale_store_samples_stored_total");
}

/** User and system time from /proc/PID/stat; a tick is 10 ms. */
async function bareNodeMiB(): Promise<number> {
  const { spawn } = await import("node:child_process");
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  killAtExit(child);
  await delay(1500);
  const mebibytes = residentMiB(child.pid);
  child.kill();
  return mebibytes;
}

function directoryBytes(directory: string): number {
  return readdirSync(directory)
    .map((name) => statSync(join(directory, name)).size)
    .reduce((sum, size) => sum + size, 0);
}
