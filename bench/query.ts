import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { cpuSecondsOf, residentMiB } from "../test/support/programs.ts";
import type { BenchResult } from "./bench-result.ts";
import { LONG, readings } from "./query-data.ts";
import { type QueryServer, SERVERS } from "./query-servers.ts";
import { progress, rounded } from "./report.ts";

const RUNS = 10;
const SEED = 15;
/** A server is still when it takes less of a core than this. */
const STILL_SHARE = 0.03;
const SETTLED_SECONDS_MAX = 90;

type Ask = { readonly path: string; readonly parameters: Record<string, string | number> };

/** By name the requests that are sent at once; times are Unix seconds. */
function queriesAt(endS: number): Readonly<Record<string, readonly Ask[]>> {
  const dayS = 86_400;
  const range = (query: string, spanS: number, step: number): Ask => ({
    path: "query_range",
    parameters: { query, start: endS - spanS, end: endS, step },
  });
  const instant = (query: string, time: number): Ask => {
    return { path: "query", parameters: { query, time } };
  };
  const oneSeries = 'rate(x{instance="node-0007.example.net:9100"}[5m])';
  return {
    sum_by_job_24h: [range("sum by (job)(rate(x[5m]))", dayS, 60)],
    raw_1h: [range("x", 3600, 10)],
    raw_range_1h: [instant("x[1h]", endS - 60)],
    one_series_24h: [range(oneSeries, dayS, 60)],
    topk: [instant("topk(10, rate(x[5m]))", endS - 60)],
    dashboard_30: Array.from({ length: 30 }, (_, i) => {
      const of = ["sum(rate", "avg(irate", "max by (instance)(rate"][i % 3];
      return range(`${of}(x{job="job-${i % 10}"}[5m]))`, 3600, 15);
    }),
    regex_100k: [instant('count(y{pod=~"shop-(3|5)-.*7[0-9]"})', endS - 30)],
    long_30d: [range("sum(rate(z[1h]))", LONG.days * dayS, 3600)],
  };
}

type Figures = Record<string, number>;

/**
 * What queries cost: CPU of the server for each of the same queries over the same data, ours, Prometheus
 * and VictoriaMetrics one after the other. `--short`: two hours of data; `--only=ours,prometheus,victoria`.
 */
export async function query(args: readonly string[]): Promise<BenchResult> {
  const only = args
    .find((one) => one.startsWith("--only="))
    ?.slice(7)
    .split(",");
  const isShort = args.includes("--short");
  const endMs = Math.floor(Date.now() / 60_000) * 60_000;
  const vs: Figures = {};
  for (const [name, open] of Object.entries(SERVERS)) {
    if (only !== undefined && !only.includes(name)) continue;
    await using server = await open();
    if (server === null) {
      progress(`${name} is not installed and left out`);
      continue;
    }
    progress(`${name} is loaded`);
    const samples = await server.load(readings(SEED, endMs, isShort));
    await settled(server);
    progress(`${name} has ${samples} samples in ${residentMiB(server.child.pid)} MiB`);
    for (const [figure, value] of Object.entries(await measure(server, endMs / 1000))) {
      vs[`${name}_${figure}`] = value;
    }
  }
  printRatios(vs, Object.keys(queriesAt(0)));
  const value = vs["ours_sum_by_job_24h_cpu_ms"] ?? Number.NaN;
  return { name: "query", value, unit: "CPU ms, sum by (job)(rate(x[5m])) over 24 h", vs };
}

/** Chunks are cut and blocks compacted after loading. */
async function settled({ child }: QueryServer): Promise<void> {
  let still = 0;
  for (let second = 0; second < SETTLED_SECONDS_MAX && still < 5; second += 1) {
    const before = cpuSecondsOf(child);
    await delay(1000);
    still = cpuSecondsOf(child) - before < STILL_SHARE ? still + 1 : 0;
  }
}

async function measure(server: QueryServer, endS: number): Promise<Figures> {
  const figures: Figures = {};
  for (const [name, asks] of Object.entries(queriesAt(endS))) {
    const run = () => Promise.all(asks.map((ask) => answered(server, ask)));
    await run();
    const before = cpuSecondsOf(server.child);
    let leastMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < RUNS; i += 1) {
      const beganMs = performance.now();
      await run();
      leastMs = Math.min(leastMs, performance.now() - beganMs);
    }
    figures[`${name}_cpu_ms`] = rounded(((cpuSecondsOf(server.child) - before) / RUNS) * 1000);
    figures[`${name}_least_ms`] = rounded(leastMs);
    progress(`${name} ${figures[`${name}_cpu_ms`]} CPU ms, ${rounded(leastMs)} ms at least`);
  }
  figures["rss_mib"] = rounded(residentMiB(server.child.pid));
  figures["peak_mib"] = rounded(peakMiB(server.child.pid));
  return figures;
}

async function answered({ port, parameters }: QueryServer, ask: Ask): Promise<number> {
  const search = new URLSearchParams({ ...parameters });
  for (const [name, value] of Object.entries(ask.parameters)) search.set(name, String(value));
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${ask.path}?${search}`, {
    headers: { "accept-encoding": "identity" },
  });
  const { byteLength } = await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${ask.path} was answered ${answer.status}`);
  return byteLength;
}

function peakMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

function printRatios(figures: Figures, queries: readonly string[]): void {
  const rows = [...queries.map((name) => `${name}_cpu_ms`), "rss_mib", "peak_mib"];
  console.log("query                     ours  prometheus    ratio    victoria    ratio");
  for (const row of rows) {
    const ours = figures[`ours_${row}`] ?? Number.NaN;
    const columns = ["prometheus", "victoria"].flatMap((name) => {
      const theirs = figures[`${name}_${row}`] ?? Number.NaN;
      return [theirs.toFixed(1).padStart(12), (ours / theirs).toFixed(2).padStart(9)];
    });
    console.log(`${row.padEnd(22)}${ours.toFixed(1).padStart(8)}${columns.join("")}`);
  }
}
