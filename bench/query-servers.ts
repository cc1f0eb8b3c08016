import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Bed, eventually, freePorts, killAtExit } from "../test/support/programs.ts";
import type { Reading } from "./query-data.ts";
import { loadByStream, loadByWrite } from "./query-load.ts";

const READY_MS = 60_000;
const PATHS = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];

/** A program that has the data and answers queries over Prometheus' HTTP API. */
export type QueryServer = AsyncDisposable & {
  readonly child: ChildProcess;
  readonly port: number;
  /** Parameters that every query gets. */
  readonly parameters: Readonly<Record<string, string>>;
  load(readings: Iterable<Reading>): Promise<number>;
};

export const SERVERS: Readonly<Record<string, () => Promise<QueryServer | null>>> = {
  ours: openOurs,
  prometheus: () => openPeer("prometheus", prometheusArgs, "/-/ready", {}),
  // Its cache of results would answer what is asked twice.
  victoria: () => openPeer("victoria-metrics", victoriaArgs, "/health", { nocache: "1" }),
};

async function openOurs(): Promise<QueryServer> {
  const bed = await Bed.open();
  const { child } = await bed.startReadyAggregator(["--retention=60d"]);
  return {
    ...{ child, port: bed.httpPort, parameters: {} },
    load: (readings) => loadByStream(bed.grpcPort, readings),
    [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose](),
  };
}

/** Null where it is not installed. */
async function openPeer(
  program: string,
  args: (directory: string, port: number) => readonly string[],
  readyPath: string,
  parameters: Readonly<Record<string, string>>,
): Promise<QueryServer | null> {
  if (!PATHS.some((path) => existsSync(join(path, program)))) return null;
  const directory = mkdtempSync(join(tmpdir(), "telltale-query-"));
  const [port] = await freePorts();
  const env = { ...process.env, PATH: PATHS.join(delimiter) };
  const child = spawn(program, args(directory, port), { env, stdio: "ignore" });
  killAtExit(child);
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}${readyPath}`)).ok, READY_MS);
  return {
    ...{ child, port, parameters },
    load: (readings) => loadByWrite(port, readings),
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function prometheusArgs(directory: string, port: number): string[] {
  mkdirSync(join(directory, "data"));
  writeFileSync(join(directory, "prometheus.yml"), "global: {}\n");
  return [
    `--config.file=${directory}/prometheus.yml`,
    `--storage.tsdb.path=${directory}/data`,
    "--storage.tsdb.retention.time=60d",
    `--web.listen-address=127.0.0.1:${port}`,
    "--web.enable-remote-write-receiver",
    "--log.level=error",
  ];
}

function victoriaArgs(directory: string, port: number): string[] {
  return [
    `-storageDataPath=${directory}/data`,
    `-httpListenAddr=127.0.0.1:${port}`,
    "-selfScrapeInterval=0",
    "-retentionPeriod=3",
  ];
}
