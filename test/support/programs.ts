import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const ROOT = join(import.meta.dirname, "../..");
/** Where the built programs are. */
export const DIST = existsSync(join(ROOT, "dist")) ? join(ROOT, "dist") : ROOT;

/** Where many start at once, and have two cores. */
const START_WITHIN_MS = 90_000;

/** Of this process: what a signal or an uncaught error must not leave behind. */
const running = new Set<ChildProcess>();
const open = new Set<Bed>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const { directory } of open) removeWhatCanBe(directory);
});

/** For commands: Ctrl-C and SIGTERM end the process with all that it started. */
export function exitOnSignals(): void {
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}

/** Has the child killed at the latest when this process exits. */
export function killAtExit(child: ChildProcess): void {
  running.add(child);
  child.once("exit", () => running.delete(child));
}

/** A built program, run as a process of its own. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  output = "";
  errors = "";

  /** The built file of a program. */
  static path(folder: "agent" | "aggregator" | "cli"): string {
    return join(DIST, folder, "main.js");
  }

  /** @param launcher a command that runs another one, such as one that enters a namespace */
  constructor(
    folder: "agent" | "aggregator" | "cli",
    args: readonly string[],
    launcher: readonly string[] = [],
  ) {
    const command = [...launcher, process.execPath, Program.path(folder), ...args];
    this.child = spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    killAtExit(this.child);
    this.child.stdout?.on("data", (chunk) => {
      this.output += chunk;
    });
    this.child.stderr?.on("data", (chunk) => {
      this.errors += chunk;
    });
  }

  async exited(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, "close");
    }
    return this.child.exitCode;
  }

  /** As a crash or the OOM killer would: no handler runs. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited();
  }

  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    await this.exited();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** The JSON lines of the log so far. */
  log(): Record<string, unknown>[] {
    const lines: Record<string, unknown>[] = [];
    for (const line of this.errors.split("\n")) {
      try {
        lines.push(JSON.parse(line));
      } catch {
        // a line cut off by a kill, or not of the log
      }
    }
    return lines;
  }

  /** Times, in seconds, of the ticks that its log says it made, or made durable for one or all. */
  tickTimes(message: "tick made" | "tick durable", destination?: string): number[] {
    return this.log()
      .filter((line) => line["msg"] === message)
      .filter((line) => destination === undefined || line["destination"] === destination)
      .map((line) => Number(line["timeMs"]) / 1000);
  }
}

/** Runs a program to its end. */
export async function runProgram(
  folder: "agent" | "aggregator" | "cli",
  args: readonly string[],
): Promise<{ code: number | null; output: string; errors: string }> {
  const program = new Program(folder, args);
  const code = await program.exited();
  return { code, output: program.output, errors: program.errors };
}

/** What a program writes that refuses its configuration: exit code 2. */
export async function refused(
  folder: "agent" | "aggregator",
  args: readonly string[],
): Promise<string> {
  const { code, errors } = await runProgram(folder, args);
  assert.equal(code, 2, errors);
  return errors;
}

/** Resident memory of a process. */
export function residentMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** User and system time of a process. Source: proc(5), /proc/pid/stat, fields 14 and 15. */
export function cpuSecondsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** How long the main thread of a process was ready and had no processor. Source: sched-stats(7). */
export function processorWaitSecondsOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e9;
}

/** Folders, ports and flags for one aggregator and its agents; all of it goes away in the end. */
export class Bed implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "telltale-e2e-"));
  readonly #programs: Program[] = [];
  grpcPort = 0;
  httpPort = 0;
  agentPort = 0;

  /** @param prepare what is done to its directory before anything is put there */
  static async open(prepare: (directory: string) => void = () => {}): Promise<Bed> {
    const bed = new Bed();
    open.add(bed);
    prepare(bed.directory);
    [bed.grpcPort, bed.httpPort, bed.agentPort] = await freePorts();
    for (const shipped of ["telltale", "services"]) {
      bed.write(`rules/${shipped}.yaml`, "groups: []\n"); // none but a test's own are in force
    }
    return bed;
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  write(name: string, text: string): string {
    const path = this.path(name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  aggregatorArgs(): string[] {
    const routing = this.path("notify.yaml");
    return [
      `--data-dir=${this.path("aggregator")}`,
      `--rules=${this.path("rules/*.yaml")}`,
      ...(existsSync(routing) ? [`--notify=${routing}`] : []),
      `--grpc-listen=${this.address}`,
      `--http-listen=127.0.0.1:${this.httpPort}`,
    ];
  }

  agentArgs(): string[] {
    return [
      "--node=n1",
      `--data-dir=${this.path("agent")}`,
      `--aggregator=${this.address}`,
      `--listen=127.0.0.1:${this.agentPort}`,
    ];
  }

  start(
    folder: "agent" | "aggregator",
    extra: readonly string[] = [],
    launcher: readonly string[] = [],
  ): Program {
    const own = folder === "agent" ? this.agentArgs() : this.aggregatorArgs();
    const program = new Program(folder, [...own, ...extra], launcher);
    this.#programs.push(program);
    return program;
  }

  async startReadyAggregator(extra: readonly string[] = []): Promise<Program> {
    const program = this.start("aggregator", extra);
    const hasEnded = () => program.child.exitCode !== null;
    await eventually(async () => {
      return hasEnded() || (await fetch(`http://127.0.0.1:${this.httpPort}/-/ready`)).ok;
    }, START_WITHIN_MS);
    if (hasEnded()) throw new Error(`aggregator ended:\n${program.errors}`);
    return program;
  }

  /** Until a sample of the agent that it is up has been stored. */
  async untilUp(): Promise<void> {
    await eventually(async () => (await this.query("up == 1")).length === 1, START_WITHIN_MS);
  }

  /** As its agents have it. */
  get address(): string {
    return `127.0.0.1:${this.grpcPort}`;
  }

  /** On those series of an agent's page that are of this aggregator. */
  get destinationLabel(): string {
    return `destination="${this.address}"`;
  }

  /** An instant query's vector, as [labels, value] pairs. */
  async query(expr: string): Promise<[Record<string, string>, number][]> {
    return (await this.#ask(expr)).map(({ metric, value }) => [metric, Number(value[1])]);
  }

  /** The times, in seconds, of every stored sample of a selector with a range. */
  async sampleTimes(rangeSelector: string): Promise<number[]> {
    return (await this.samples(rangeSelector)).map(([time]) => time);
  }

  /** The aggregator's own page. */
  async metrics(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.httpPort}/metrics`)).text();
  }

  /** Every stored sample of a selector with a range: times in seconds, and values. */
  async samples(rangeSelector: string): Promise<[number, number][]> {
    const series = await this.#ask(rangeSelector);
    return series.flatMap(({ values }) =>
      values.map(([time, value]): [number, number] => [time, Number(value)]),
    );
  }

  async agentPage(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.agentPort}/metrics`)).text();
  }

  async #ask(expr: string): Promise<ApiBody["data"]["result"]> {
    const url = `http://127.0.0.1:${this.httpPort}/api/v1/query?query=${encodeURIComponent(expr)}`;
    const body = (await (await fetch(url)).json()) as ApiBody;
    if (body.status !== "success") throw new Error(JSON.stringify(body));
    return body.data.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program.kill();
    removeWhatCanBe(this.directory);
    open.delete(this);
  }
}

/** What is mounted there stays until its namespace ends. */
function removeWhatCanBe(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
  }
}

type ApiBody = {
  readonly status: string;
  readonly data: {
    readonly result: readonly {
      readonly metric: Record<string, string>;
      readonly value: [number, string];
      readonly values: [number, string][];
    }[];
  };
};

/** A webhook receiver that keeps what it is sent. */
export class Hook implements AsyncDisposable {
  readonly #server: Server;
  readonly received: { atMs: number; body: { status: string; alerts: HookAlert[] } }[] = [];
  /** What it answers. */
  statusCode = 200;

  private constructor() {
    this.#server = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        this.received.push({ atMs: Date.now(), body: JSON.parse(text) });
        response.writeHead(this.statusCode).end("ok");
      });
    });
  }

  static async open(port = 0): Promise<Hook> {
    const hook = new Hook();
    hook.#server.listen(port, "127.0.0.1");
    await once(hook.#server, "listening");
    return hook;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** `alertname status` of everything received, in order. */
  get story(): string[] {
    return this.received.flatMap(({ body }) =>
      body.alerts.map((alert) => `${alert.labels["alertname"]} ${alert.status}`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export type HookAlert = {
  status: string;
  /** RFC 3339. */
  startsAt: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
};

/** Asks until the answer is true; an answer that throws counts as no. */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const until = performance.now() + withinMs;
  for (;;) {
    let why = "it is not so";
    try {
      if (await isTrue()) return;
    } catch (error) {
      why = String(error);
    }
    if (performance.now() > until) throw new Error(`Not within ${withinMs} ms: ${why}`);
    await delay(50);
  }
}

/** Below those from which the kernel takes ports of outgoing connections, which come at any time. */
const PORTS = { from: 10_000, count: 20_000 };

export async function freePorts(): Promise<[number, number, number]> {
  const servers: TcpServer[] = [];
  while (servers.length < 3) {
    const server = createTcpServer();
    server.listen(PORTS.from + Math.floor(Math.random() * PORTS.count), "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (isFree) servers.push(server);
  }
  const [first = 0, second = 0, third = 0] = servers.map(
    (one) => (one.address() as AddressInfo).port,
  );
  for (const server of servers) {
    server.close();
    await once(server, "close");
  }
  return [first, second, third];
}
