import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { labelPairs, labelsFrom } from "../shared/model/labels.ts";
import { scaledValue } from "../shared/model/series-definition.ts";
import { CaptureServer } from "../test/support/capture-server.ts";
import { Bed, eventually, killAtExit } from "../test/support/programs.ts";
import type { BenchResult } from "./bench-result.ts";
import { MixedLoad } from "./mixed-load.ts";
import { hasHierarchies, OwnCgroup } from "./own-cgroup.ts";
import { Relay } from "./relay.ts";
import { carryRemoteWrite, WriteRequests, type WrittenSeries } from "./remote-write.ts";
import { progress, rounded } from "./report.ts";
import { type Certificate, selfSigned } from "./self-signed.ts";
import { type Spoken, spokenOf } from "./wire-capture.ts";
import {
  measureCommit,
  measureDecoding,
  measureEncoding,
  type Tick,
  type Ticks,
  ticksOf,
} from "./wire-cpu.ts";
import { openStore, runTlsUplink, SpokenBuffer, serveIngest } from "./wire-relay.ts";

const SECONDS = 600;
/** Until the containers are known and their series named. */
const WARM_UP_MS = 15_000;
const CPU_SAMPLES_MIN = 5_000_000;
const GOAL_BYTES = 0.5;

/**
 * What the samples of this machine cost on the wire, as an agent makes them beside a mixed load, one
 * message a tick in real time over TLS 1.3; then the same samples by remote write; then what encoding
 * and taking them costs.
 *
 * @param args `--seconds=N`: how long; to try the bench, the default is what counts
 */
export async function wire(args: readonly string[]): Promise<BenchResult> {
  const seconds = Number(/^--seconds=(\d+)$/.exec(args[0] ?? "")?.[1] ?? SECONDS);
  await using bed = await Bed.open();
  mkdirSync(bed.path("tls"));
  const certificate = selfSigned(bed.path("tls"));
  const { spoken, carried } = await capture(bed, certificate, seconds);
  const all = ticksOf(spoken);
  const window = windowOf(all, carried);
  progress("the same samples by remote write");
  const each = await carryRemoteWrite(certificate, requests(all, window.ticks, 1));
  const batched = await carryRemoteWrite(certificate, requests(all, window.ticks, 10));
  progress("CPU time of encoding, decoding, commits");
  const encoded = measureEncoding(all, CPU_SAMPLES_MIN);
  const decoding = measureDecoding(spoken, all.samples, CPU_SAMPLES_MIN);
  const committed = await measureCommit(spoken, carried.fromMs, bed.path("commit"));
  const { samples } = window;
  const perSample = (bytes: number) => rounded(bytes / samples);
  const value = perSample(carried.up + carried.down);
  const figures = {
    seconds,
    samples_per_second: rounded(samples / window.ticks.length),
    up_bytes_per_sample: perSample(carried.up),
    down_bytes_per_sample: perSample(carried.down),
    frame_bytes_per_sample: perSample(carried.frameBytes),
    new_series: carried.newSeries,
    remote_write_each_tick_bytes_per_sample: perSample(each.up + each.down),
    remote_write_each_10s_bytes_per_sample: perSample(batched.up + batched.down),
    encode_cpu_seconds_per_million: rounded(encoded.cpuPerMillion),
    decode_cpu_seconds_per_million: rounded(decoding),
    decode_commit_cpu_seconds_per_million: rounded(committed.cpuPerMillion),
    remote_write_each_tick_ratio: rounded((each.up + each.down) / (carried.up + carried.down)),
    remote_write_each_10s_ratio: rounded((batched.up + batched.down) / (carried.up + carried.down)),
  };
  report(value, figures);
  return { name: "wire", value, unit: "bytes a sample, both ways, TLS included", vs: figures };
}

type Carried = {
  readonly up: number;
  readonly down: number;
  readonly frameBytes: number;
  readonly newSeries: number;
  readonly fromMs: number;
  readonly toMs: number;
};

/** The agent as a process of its own; what it says goes on over TLS while it says it. */
async function capture(
  bed: Bed,
  certificate: Certificate,
  seconds: number,
): Promise<{ spoken: readonly Spoken[]; carried: Carried }> {
  const store = await openStore(bed.path("relay"));
  const spoken: Spoken[] = [];
  const buffer = new SpokenBuffer();
  await using server = await CaptureServer.open("127.0.0.1:0", (message) => {
    for (const one of spokenOf(message)) {
      spoken.push(one);
      buffer.add(one);
    }
  });
  await using ingest = await serveIngest(store, certificate);
  await using proxy = await Relay.open(ingest.port);
  using group = canIsolate() ? new OwnCgroup() : null;
  await using _load = new MixedLoad(bed.path("load"), group?.paths ?? []);
  await using _agent = startAgent(bed, server.port, group);
  await eventually(() => spoken.some(({ kind }) => kind === "frame"));
  const stop = new AbortController();
  const uplink = runTlsUplink(buffer, proxy.port, certificate, stop.signal);
  await delay(WARM_UP_MS);
  const before = { up: proxy.bytesUp, down: proxy.bytesDown, place: spoken.length };
  progress(`the agent beside a mixed load, ${seconds} s`);
  await delay(seconds * 1000);
  const [up, down] = [proxy.bytesUp - before.up, proxy.bytesDown - before.down];
  const carried = { up, down, ...carriedOf(spoken.slice(before.place)) };
  const kept = [...spoken];
  const { newestSeq } = buffer;
  stop.abort();
  await uplink;
  if (buffer.dropCount > 0) throw new Error(`${buffer.dropCount} frames were refused`);
  if (buffer.ackedSeq < newestSeq) throw new Error("Not all frames were acked");
  await store.close();
  return { spoken: kept, carried };
}

function carriedOf(spoken: readonly Spoken[]): Omit<Carried, "up" | "down"> {
  let frameBytes = 0;
  let newSeries = 0;
  const times: number[] = [];
  for (const one of spoken) {
    if (one.kind === "series") newSeries += one.series.length;
    if (one.kind !== "frame") continue;
    frameBytes += one.bytes.length;
    times.push(one.header.timeMs);
  }
  return { frameBytes, newSeries, fromMs: times[0] ?? 0, toMs: times.at(-1) ?? 0 };
}

/** Whether the agent can be kept from seeing what else has groups on this machine. */
function canIsolate(): boolean {
  return process.getuid?.() === 0 && hasHierarchies();
}

function startAgent(bed: Bed, port: number, group: OwnCgroup | null): AsyncDisposable {
  const program = join(import.meta.dirname, "../agent/main.js");
  const args = [...bed.agentArgs(), `--aggregator=127.0.0.1:${port}`, "--log-level=warn"];
  const command = [process.execPath, program, ...args];
  const [file = "", ...rest] = group === null ? command : group.inside(command);
  const child: ChildProcess = spawn(file, rest, { stdio: ["ignore", "ignore", "inherit"] });
  killAtExit(child);
  const end = async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  return { [Symbol.asyncDispose]: end };
}

function windowOf({ ticks }: Ticks, { fromMs, toMs }: Carried) {
  const within = ticks.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs);
  const samples = within.reduce((sum, { places }) => sum + places.length, 0);
  return { ticks: within, samples };
}

/** Requests with every series' value at every tick, of `every` ticks each. */
function* requests({ series }: Ticks, ticks: readonly Tick[], every: number): Iterable<Buffer> {
  const writer = new WriteRequests();
  const labels = series.map((one) => labelsFrom([...labelPairs(one.labels), ["instance", "n1"]]));
  for (let from = 0; from < ticks.length; from += every) {
    const written = new Map<number, WrittenSeries & { samples: WrittenSeries["samples"][0][] }>();
    for (const { timeMs, places, values } of ticks.slice(from, from + every)) {
      places.forEach((place, i) => {
        let one = written.get(place);
        if (one === undefined) {
          one = { labels: labels[place] ?? [], samples: [] };
          written.set(place, one);
        }
        const value = scaledValue(values[i] ?? 0, series[place]?.scale ?? 0);
        one.samples.push({ value, timeMs });
      });
    }
    yield writer.encode([...written.values()]);
  }
}

function report(value: number, figures: Readonly<Record<string, number>>): void {
  const width = Math.max(...Object.keys(figures).map(({ length }) => length));
  for (const [name, figure] of Object.entries(figures)) {
    process.stdout.write(`${name.padEnd(width)}  ${figure}\n`);
  }
  const outcome = value <= GOAL_BYTES ? "met" : "MISSED";
  process.stdout.write(
    `\nbytes a sample on the wire  ${value}  goal ${GOAL_BYTES}  ${outcome}\n\n`,
  );
}
