import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Bed, residentMiB } from "../test/support/programs.ts";
import type { BenchResult } from "./bench-result.ts";
import { installedAgent, quoted } from "./installed-agent.ts";
import { canRun, type Measured, Peers, peersFault, type Stage, type Tool } from "./peers.ts";
import { rounded } from "./report.ts";

const DIST = join(import.meta.dirname, "..");
const SYSTEMD = join(DIST, "../systemd");
const LIMIT_MS = 600_000;

/**
 * The floor goes directly before and after the agent, as a machine's speed drifts. CPU time is told
 * in steps of 10 ms: the less there is of it, the longer the window.
 */
const STAGES: readonly Stage[] = [
  { containers: 0, seconds: 15, tools: ["floor", "agent", "floor", "node_exporter"] },
  { containers: 100, seconds: 40, tools: ["floor", "agent", "floor"] },
  { containers: 100, seconds: 20, tools: ["collectd", "netdata_lean"] },
  { containers: 500, seconds: 20, tools: ["floor", "agent", "floor"] },
  { containers: 500, seconds: 20, tools: ["collectd", "netdata_lean"] },
];

const NAMES: Readonly<Record<Tool, string>> = {
  floor: "the same reads in C",
  agent: "telltale-agent",
  node_exporter: "node_exporter (host only)",
  collectd: "collectd",
  netdata_lean: "netdata, lean",
};

const RATIOS = [
  ["ratio_100", "agent_100", "floor_100"],
  ["ratio_500", "agent_500", "floor_500"],
  ["collectd_ratio", "agent_100", "collectd_100"],
  ["rss_ratio", "rss_mib_100", "bare_node_mib"],
] as const;

/**
 * What the whole agent costs, as it is installed and streaming to an aggregator, beside a C program
 * that only reads the same files, and beside the peers that are installed. Null: it cannot run here.
 *
 * @param args `--seconds=N`: no window longer than that; to try the bench, the figures are worth little
 */
export async function collect(args: readonly string[]): Promise<BenchResult | null> {
  const fault = peersFault();
  if (fault !== null) {
    process.stderr.write(`Skipped: ${fault}\n`);
    return null;
  }
  const secondsMax = Number(/^--seconds=(\d+)$/.exec(args[0] ?? "")?.[1] ?? Infinity);
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => interrupted.abort(new Error(`Ended by ${name}`)));
  }
  const limit = AbortSignal.timeout(LIMIT_MS);
  const signal = AbortSignal.any([interrupted.signal, limit]);
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  const directory = bed.path("peers");
  mkdirSync(directory);
  using peers = await Peers.open(directory, agentCommand(bed));
  const run = new Run(bed);
  for (const { containers, seconds, tools } of STAGES) {
    const stage = {
      containers,
      seconds: Math.min(seconds, secondsMax),
      tools: tools.filter(canRun),
    };
    if (stage.tools.length === 0) continue;
    try {
      await run.measure(peers, stage, signal);
    } catch (error) {
      if (!limit.aborted) throw error;
      process.stderr.write("Ten minutes are over: the rest is left out\n");
      break;
    }
  }
  const figures = figuresOf(run.measured, run.bareNodeMiB);
  process.stdout.write(reportOf(run.measured, figures));
  const value = figures["ratio_100"];
  if (value === undefined) throw new Error("The agent beside 100 containers was not measured");
  return { name: "collect", value, unit: "x the C floor at 100 containers", vs: figures };
}

/** The service's, but with ports and folders of the bed. */
function agentCommand(bed: Bed): string {
  const unit = readFileSync(join(SYSTEMD, "telltale-agent.service"), "utf8");
  const command = installedAgent(unit, { node: process.execPath, dist: DIST });
  const config = `--config=${join(SYSTEMD, "agent.yaml")}`;
  return quoted([...command, config, ...bed.agentArgs()]);
}

class Run {
  readonly measured: Measured[] = [];
  bareNodeMiB = Number.NaN;
  readonly #bed: Bed;
  readonly #beganMs = performance.now();

  constructor(bed: Bed) {
    this.#bed = bed;
  }

  async measure(peers: Peers, stage: Stage, signal: AbortSignal): Promise<void> {
    const { containers, seconds, tools } = stage;
    let done = 0;
    const announce = () => {
      const tool = tools[done];
      if (tool === undefined) return;
      const at = Math.round((performance.now() - this.#beganMs) / 1000);
      const what = `${NAMES[tool]}, ${containers} containers, ${seconds} s`;
      process.stderr.write(`${String(at).padStart(4)} s  ${what} …\n`);
    };
    const bareNode = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    try {
      announce();
      await peers.run(stage, signal, async (measured) => {
        this.measured.push(measured);
        done += 1;
        announce();
        if (measured.tool === "agent") await this.#lookAtAgent(measured, bareNode);
      });
    } catch (error) {
      if (!signal.aborted) process.stderr.write(peers.log("agent.log").slice(-2000));
      throw error;
    } finally {
      bareNode.kill();
    }
  }

  /** A cost counts only if the work was done: the aggregator must have the containers. */
  async #lookAtAgent({ containers }: Measured, bareNode: ChildProcess): Promise<void> {
    if (containers === 100) this.bareNodeMiB = residentMiB(bareNode.pid);
    const expr =
      'count(count_over_time(container_cpu_usage_seconds_total{id=~"/docker/[0-9a-f]{64}"}[20s]) >= 5 and on(id) container_memory_usage_bytes)';
    const [found] = await this.#bed.query(expr);
    const stored = found?.[1] ?? 0;
    if (stored < containers) {
      throw new Error(`The aggregator has ${stored} of ${containers} containers`);
    }
  }
}

/** Means by tool and number of containers, and the ratios between them. */
function figuresOf(measured: readonly Measured[], bareNodeMiB: number): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const { tool, containers } of measured) {
    const same = measured.filter((one) => one.tool === tool && one.containers === containers);
    const mean = (value: (one: Measured) => number) =>
      rounded(same.reduce((sum, one) => sum + value(one), 0) / same.length);
    figures[`${tool}_${containers}`] = mean(({ cpu }) => cpu);
    if (tool === "floor") continue;
    const prefix = tool === "agent" ? "" : `${tool}_`;
    figures[`${prefix}rss_mib_${containers}`] = mean(({ rssMiB }) => rssMiB);
  }
  if (!Number.isNaN(bareNodeMiB)) figures["bare_node_mib"] = rounded(bareNodeMiB);
  for (const [name, a, b] of RATIOS) {
    const ratio = (figures[a] ?? NaN) / (figures[b] ?? NaN);
    if (!Number.isNaN(ratio)) figures[name] = rounded(ratio);
  }
  return figures;
}

/** What was measured in the order of it, then each goal beside what came out. */
function reportOf(
  measured: readonly Measured[],
  figures: Readonly<Record<string, number>>,
): string {
  const rows = measured.map(({ tool, containers, cpu, rssMiB }) => [
    String(containers),
    NAMES[tool],
    cpu.toFixed(3),
    (cpu / (figures[`floor_${containers}`] ?? NaN)).toFixed(2),
    rssMiB.toFixed(1),
  ]);
  const goals: [string, string, number][] = [
    ["CPU, 100 containers, x the C floor", "ratio_100", 2],
    ["CPU, 500 containers, x the C floor", "ratio_500", 1.7],
    ["CPU, 100 containers, x collectd", "collectd_ratio", 1],
    ["RSS, 100 containers, x a bare node", "rss_ratio", 1.5],
  ];
  const outcomes = goals.map(([what, key, goal]) => {
    const value = figures[key];
    if (value === undefined) return [what, "not measured", `goal ${goal}`];
    return [what, value.toFixed(2), `goal ${goal}`, value <= goal ? "met" : "MISSED"];
  });
  const head = ["containers", "program", "CPU-s/min", "x floor", "RSS MiB"];
  return `${table([head, ...rows])}\n${table(outcomes)}\n`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
