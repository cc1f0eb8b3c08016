import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startAlertmanager } from "../test/support/alertmanager.ts";
import { Bed, eventually, freePorts, Hook, killAtExit } from "../test/support/programs.ts";
import { progress } from "./report.ts";

const TRIALS = 40;
const RULES = `groups:
  - name: load
    interval: 1s
    rules: [{ alert: LoadIsHigh, expr: node_load1 > 5 }]
`;

const routing = (url: string) => `
route: { receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s }
receivers: [{ name: hook, webhook_configs: [{ url: "${url}" }] }]
`;

/** One that reads a value each second, and calls its hook when that passes the threshold and when it is back. */
type Watcher = AsyncDisposable & { readonly hook: Hook; setLoad(load: string): void };

/** Milliseconds, ascending; `theirs` null: Prometheus and Alertmanager are not installed. */
export type Latencies = { readonly ours: number[]; readonly theirs: number[] | null };

/**
 * From a value on a node until the webhook is called. All watchers get the value in the same moment, which is
 * at any time within a tick.
 */
export async function alertLatencies(): Promise<Latencies> {
  await using us = await telltale();
  await using them = isInstalled() ? await prometheus() : null;
  const watchers = them === null ? [us] : [us, them];
  progress(`${TRIALS} times from a value on the node to the webhook`);
  await delay(5000);
  const found: number[][] = watchers.map(() => []);
  for (let trial = 0; trial < TRIALS; trial += 1) {
    await delay(1500 + (1000 * trial) / TRIALS);
    const all = await Promise.all(watchers.map((one) => toldAfter(one, "9.00")));
    for (const [i, ms] of all.entries()) found[i]?.push(ms);
    await delay(1500);
    await Promise.all(watchers.map((one) => toldAfter(one, "0.10")));
  }
  const [ours = [], theirs = null] = found.map((one) => one.sort((a, b) => a - b));
  return { ours, theirs };
}

async function toldAfter({ hook, setLoad }: Watcher, load: string): Promise<number> {
  const known = hook.received.length;
  const startMs = Date.now();
  setLoad(load);
  await eventually(() => hook.received.length > known, 30_000);
  return (hook.received[known]?.atMs ?? Number.NaN) - startMs;
}

async function telltale(): Promise<Watcher> {
  const bed = await Bed.open();
  const hook = await Hook.open();
  const root = bed.path("host");
  for (const name of ["proc", "sys"]) mkdirSync(join(root, name), { recursive: true });
  for (const name of ["stat", "meminfo", "uptime", "vmstat"]) {
    if (existsSync(`/proc/${name}`)) cpSync(`/proc/${name}`, join(root, "proc", name));
  }
  const setLoad = (load: string) => {
    bed.write("host/proc/loadavg", `${load} 0.10 0.05 1/100 1234\n`);
  };
  setLoad("0.10");
  bed.write("rules/r.yaml", RULES);
  bed.write("notify.yaml", routing(hook.url));
  await bed.startReadyAggregator();
  bed.start("agent", [`--host-root=${root}`]);
  await eventually(async () => (await bed.query("node_load1")).length === 1);
  return { hook, setLoad, [Symbol.asyncDispose]: () => closeAll(bed, hook) };
}

function isInstalled(): boolean {
  return ["prometheus", "prometheus-alertmanager"].every(
    (name) => spawnSync(name, ["--version"]).status === 0,
  );
}

/** Debian's Prometheus and Alertmanager; what is scraped is served here. */
async function prometheus(): Promise<Watcher> {
  const hook = await Hook.open();
  const alertmanager = await startAlertmanager(routing(hook.url));
  const bed = await Bed.open();
  let load = "0.10";
  const exporter = createServer((_, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(`node_load1 ${load}\n`);
  });
  exporter.listen(0, "127.0.0.1");
  await once(exporter, "listening");
  const [port] = await freePorts();
  const { host } = new URL(alertmanager.url);
  const config = `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ["${bed.write("rules.yaml", RULES)}"]
alerting: { alertmanagers: [{ static_configs: [{ targets: ["${host}"] }] }] }
scrape_configs:
  - job_name: node
    static_configs: [{ targets: ["127.0.0.1:${(exporter.address() as AddressInfo).port}"] }]
`;
  const args = [
    `--config.file=${bed.write("prometheus.yaml", config)}`,
    `--storage.tsdb.path=${bed.path("tsdb")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=error",
  ];
  const child = spawn("prometheus", args, { stdio: "ignore" });
  killAtExit(child);
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok, 30_000);
  return {
    hook,
    setLoad: (next) => {
      load = next;
    },
    [Symbol.asyncDispose]: async () => {
      await killed(child);
      exporter.closeAllConnections();
      exporter.close();
      await closeAll(alertmanager, bed, hook);
    },
  };
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function closeAll(...all: readonly AsyncDisposable[]): Promise<void> {
  for (const one of all) await one[Symbol.asyncDispose]();
}
