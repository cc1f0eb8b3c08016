import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compress } from "snappy";
import { cpuSecondsOf, freePorts, killAtExit } from "../test/support/programs.ts";
import { WriteRequests } from "./remote-write.ts";
import { progress } from "./report.ts";
import { bytesIn, type Figures } from "./store-ours.ts";
import type { SampleSet, SetNode } from "./store-sets.ts";

const READY_MS_MAX = 30_000;
const SETTLED_MS_MAX = 120_000;
const PATH = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];

export type Peer = {
  readonly name: string;
  readonly program: string;
  readonly args: (directory: string, port: number) => readonly string[];
  /** Asked after loading, so that the peer compacts what it has. */
  readonly compactPaths: readonly string[];
};

export const PEERS: readonly Peer[] = [
  {
    name: "victoriametrics",
    program: "victoria-metrics",
    args: (directory, port) => [
      `-storageDataPath=${directory}/data`,
      `-httpListenAddr=127.0.0.1:${port}`,
      "-selfScrapeInterval=0",
      "-retentionPeriod=1",
    ],
    compactPaths: ["/internal/force_flush", "/internal/force_merge"],
  },
  {
    name: "prometheus",
    program: "prometheus",
    args: (directory, port) => [
      `--config.file=${emptyConfig(directory)}`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
      "--web.enable-admin-api",
      "--storage.tsdb.min-block-duration=10m",
      "--storage.tsdb.max-block-duration=1d",
      "--log.level=warn",
    ],
    compactPaths: [],
  },
];

export function isInstalled({ program }: Peer): boolean {
  return PATH.some((directory) => existsSync(join(directory, program)));
}

/** Bytes a sample of the set in the peer, fed by remote write, when it has settled. */
export async function measurePeer(peer: Peer, directory: string, set: SampleSet): Promise<Figures> {
  mkdirSync(directory, { recursive: true });
  const [port] = await freePorts();
  const log = openSync(join(directory, "log"), "w");
  const child = spawn(peer.program, peer.args(directory, port), {
    env: { ...process.env, PATH: PATH.join(delimiter) },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  killAtExit(child);
  try {
    await answered(port);
    progress(`${set.name} into ${peer.name}`);
    const samples = await send(port, set);
    const loaded = bytesIn(join(directory, "data"));
    progress(`${peer.name} compacts`);
    for (const path of peer.compactPaths) await ask(port, path);
    await settled(() => cpuSecondsOf(child));
    const cpu = cpuSecondsOf(child);
    return {
      loaded_bytes_per_sample: loaded / samples,
      bytes_per_sample: bytesIn(join(directory, "data")) / samples,
      cpu_s_per_million: (cpu / samples) * 1e6,
    };
  } finally {
    child.kill();
    if (child.exitCode === null) await once(child, "exit");
  }
}

function emptyConfig(directory: string): string {
  const path = join(directory, "prometheus.yml");
  writeFileSync(path, "global: {}\n");
  return path;
}

async function answered(port: number): Promise<void> {
  const endMs = performance.now() + READY_MS_MAX;
  for (;;) {
    try {
      if ((await ask(port, "/-/ready")) < 500) return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
    await delay(100);
  }
}

async function ask(port: number, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  await response.arrayBuffer();
  return response.status;
}

/** Until three seconds in a row cost next to nothing. */
async function settled(cpuSeconds: () => number): Promise<void> {
  const endMs = performance.now() + SETTLED_MS_MAX;
  let before = cpuSeconds();
  for (let still = 0; still < 3 && performance.now() < endMs; ) {
    await delay(1000);
    const cpu = cpuSeconds();
    still = cpu - before < 0.03 ? still + 1 : 0;
    before = cpu;
  }
}

/** One request a node and step, as Prometheus' queues send them by and large. */
async function send(port: number, set: SampleSet): Promise<number> {
  const baseMs = Math.floor(Date.now() / 60_000) * 60_000 - set.steps * set.stepMs;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const writers = set.nodes.map((node) => new Writer(node));
  let samples = 0;
  for (let step = 0; step < set.steps; step += 1) {
    for (const writer of writers) {
      const body = await compress(writer.body(step, baseMs + step * set.stepMs));
      await post(port, agent, body);
      samples += writer.count;
    }
  }
  agent.destroy();
  return samples;
}

class Writer {
  readonly count: number;
  readonly #requests = new WriteRequests();
  readonly #node: SetNode;
  readonly #values: Float64Array;

  constructor(node: SetNode) {
    this.#node = node;
    this.count = node.labels.length;
    this.#values = new Float64Array(this.count);
  }

  body(step: number, timeMs: number): Buffer {
    const { labels, scales, read } = this.#node;
    read(step, this.#values);
    return this.#requests.encode(
      labels.map((set, i) => {
        const value = (this.#values[i] ?? 0) / 10 ** (scales[i] ?? 0);
        return { labels: set, samples: [{ value, timeMs }] };
      }),
    );
  }
}

async function post(port: number, agent: Agent, body: Buffer): Promise<void> {
  const headers = {
    "content-length": body.length,
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "x-prometheus-remote-write-version": "0.1.0",
  };
  const path = "/api/v1/write";
  const outgoing = request({ host: "127.0.0.1", port, path, method: "POST", agent, headers });
  outgoing.end(body);
  const [answer] = await once(outgoing, "response");
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part);
  if (answer.statusCode >= 300) {
    throw new Error(`Remote write was answered ${answer.statusCode}: ${Buffer.concat(parts)}`);
  }
}
