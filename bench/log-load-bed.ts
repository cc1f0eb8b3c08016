import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  Bed,
  cpuSecondsOf,
  killAtExit,
  type Program,
  processorWaitSecondsOf,
} from "../test/support/programs.ts";
import { FILES, logPath, type WriterOrder, type WriterReport } from "./log-load-lines.ts";
import { Relay } from "./relay.ts";
import { rounded } from "./report.ts";

const WRITER = join(import.meta.dirname, "log-load-writer.js");
/** Of blocks that are not packed: whether lines are all there is read from them. */
const HOT_BYTES_MAX = "64GiB";

/** Starts and is told, in order, what to write. */
class Writer {
  readonly child: ChildProcess;
  readonly #waiting: ((report: WriterReport) => void)[] = [];

  constructor(folder: string, bytesASecond: number) {
    this.child = fork(WRITER, [folder, String(bytesASecond)]);
    killAtExit(this.child);
    this.child.on("message", (report: WriterReport) => this.#waiting.shift()?.(report));
  }

  order(order: WriterOrder): Promise<WriterReport> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.child.send(order);
    });
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}

/** Seconds since the start of each process. */
export type CpuTimes = Readonly<
  Record<
    | "cpu_seconds_agent"
    | "cpu_seconds_aggregator"
    | "cpu_seconds_writer"
    | "processor_wait_seconds_agent"
    | "processor_wait_seconds_aggregator",
    number
  >
>;

/** An aggregator, an agent that reaches it over a relay and reads logs, and who writes them. */
export class LogLoadBed implements AsyncDisposable {
  readonly bed: Bed;
  readonly relay: Relay;
  readonly writer: Writer;
  readonly aggregator: Program;
  readonly agent: Program;

  private constructor(
    parts: Pick<LogLoadBed, "bed" | "relay" | "writer" | "aggregator" | "agent">,
  ) {
    this.bed = parts.bed;
    this.relay = parts.relay;
    this.writer = parts.writer;
    this.aggregator = parts.aggregator;
    this.agent = parts.agent;
  }

  /**
   * Nothing is written yet.
   * @param bufferBytes of lines, as the configuration has it
   * @param files of the aggregator's, by name
   */
  static async open(
    bufferBytes: string,
    files: Readonly<Record<string, string>> = {},
  ): Promise<LogLoadBed> {
    const bed = await Bed.open();
    for (const [name, text] of Object.entries(files)) bed.write(name, text);
    const folder = bed.path("logs-written");
    mkdirSync(folder);
    const aggregatorConfig = `logs: {hot_bytes_max: ${HOT_BYTES_MAX}}\n`;
    const aggregator = await bed.startReadyAggregator([
      `--config=${bed.write("aggregator.yaml", aggregatorConfig)}`,
    ]);
    const relay = await Relay.open(bed.grpcPort);
    const writer = new Writer(folder, 0);
    await writer.order({ kind: "report" }); // its files are there
    const config = bed.write("agent.yaml", agentConfig(folder, bufferBytes));
    const agent = bed.start("agent", [
      `--config=${config}`,
      `--aggregator=127.0.0.1:${relay.port}`,
    ]);
    await bed.untilUp();
    return new LogLoadBed({ bed, relay, writer, aggregator, agent });
  }

  cpuTimes(): CpuTimes {
    const [agent, aggregator] = [this.agent.child, this.aggregator.child];
    return {
      cpu_seconds_agent: cpuSecondsOf(agent),
      cpu_seconds_aggregator: cpuSecondsOf(aggregator),
      cpu_seconds_writer: cpuSecondsOf(this.writer.child),
      processor_wait_seconds_agent: processorWaitSecondsOf(agent),
      processor_wait_seconds_aggregator: processorWaitSecondsOf(aggregator),
    };
  }

  /** Programs end as a user would have it, so that what profiles them sees the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer.stop();
    await this.agent.stop();
    await this.aggregator.stop();
    await this.relay[Symbol.asyncDispose]();
    await this.bed[Symbol.asyncDispose]();
  }
}

/** The service of a file. */
export function serviceOf(file: number): string {
  return `shop-${file}`;
}

function agentConfig(folder: string, bufferBytes: string): string {
  const files = Array.from({ length: FILES }, (_, n) => {
    return `    - {include: ${logPath(folder, n)}, labels: {job: load, service: ${serviceOf(n)}}}\n`;
  });
  return `logs:\n  files:\n${files.join("")}  buffer: {bytes_max: ${bufferBytes}}\n`;
}

/** The value of a metric's own series on a page: that of the metrics' stream, or of the lines'. */
export function streamValue(page: string, name: string, stream: "metrics" | "logs"): number {
  const start = stream === "logs" ? `${name}{kind="logs"} ` : `${name} `;
  const line = page.split("\n").find((one) => one.startsWith(start));
  return line === undefined ? Number.NaN : Number(line.slice(start.length));
}

/** What processes took between two moments, as figures of a part. */
export function cpuFigures(before: CpuTimes, after: CpuTimes): Record<string, number> {
  const names = Object.keys(before) as (keyof CpuTimes)[];
  return Object.fromEntries(names.map((name) => [name, rounded(after[name] - before[name])]));
}
