import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startAlertmanager } from "../test/support/alertmanager.ts";
import { Bed, eventually, Hook } from "../test/support/programs.ts";
import { startPrometheus } from "../test/support/prometheus.ts";
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

/** Milliseconds, ascending; `prometheus` null: it and Alertmanager are not installed. */
export type Latencies = {
  /** Of a file that the agent itself reads. */
  readonly file: number[];
  /** Of a page that the agent scrapes. */
  readonly scraped: number[];
  /** Of the same page. */
  readonly prometheus: number[] | null;
};

/**
 * From a value on a node until the webhook is called. All watchers get the value in the same moment, which is
 * at any time within a tick.
 */
export async function alertLatencies(): Promise<Latencies> {
  await using file = await ofFile();
  await using page = await servedPage();
  await using scraped = await ofPage(page);
  await using them = isInstalled() ? await prometheus(page) : null;
  const watchers = them === null ? [file, scraped] : [file, scraped, them];
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
  const [ofFiles = [], ofPages = [], theirs = null] = found.map((one) => one.sort((a, b) => a - b));
  return { file: ofFiles, scraped: ofPages, prometheus: theirs };
}

async function toldAfter({ hook, setLoad }: Watcher, load: string): Promise<number> {
  const known = hook.received.length;
  const startMs = Date.now();
  setLoad(load);
  await eventually(() => hook.received.length > known, 30_000);
  return (hook.received[known]?.atMs ?? Number.NaN) - startMs;
}

async function ofFile(): Promise<Watcher> {
  const bed = await Bed.open();
  const root = bed.path("host");
  for (const name of ["proc", "sys"]) mkdirSync(join(root, name), { recursive: true });
  for (const name of ["stat", "meminfo", "uptime", "vmstat"]) {
    if (existsSync(`/proc/${name}`)) cpSync(`/proc/${name}`, join(root, "proc", name));
  }
  const setLoad = (load: string) => {
    bed.write("host/proc/loadavg", `${load} 0.10 0.05 1/100 1234\n`);
  };
  setLoad("0.10");
  return await telltale(bed, [`--host-root=${root}`], setLoad);
}

async function ofPage({ port, setLoad }: ServedPage): Promise<Watcher> {
  const bed = await Bed.open();
  const config = `collectors: { disable: [loadavg] }\n${scrapeOf(port)}`;
  return await telltale(bed, [`--config=${bed.write("agent.yaml", config)}`], setLoad);
}

async function telltale(
  bed: Bed,
  agentArgs: readonly string[],
  setLoad: Watcher["setLoad"],
): Promise<Watcher> {
  const hook = await Hook.open();
  bed.write("rules/r.yaml", RULES);
  bed.write("notify.yaml", routing(hook.url));
  await bed.startReadyAggregator();
  bed.start("agent", agentArgs);
  await eventually(async () => (await bed.query("node_load1")).length === 1, 30_000);
  return { hook, setLoad, [Symbol.asyncDispose]: () => closeAll(bed, hook) };
}

type ServedPage = AsyncDisposable & Pick<Watcher, "setLoad"> & { readonly port: number };

/** A page with the load. */
async function servedPage(): Promise<ServedPage> {
  let load = "0.10";
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(`node_load1 ${load}\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    setLoad: (next) => {
      load = next;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const scrapeOf = (port: number) => `scrape_configs:
  - job_name: node
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
`;

function isInstalled(): boolean {
  return ["prometheus", "prometheus-alertmanager"].every(
    (name) => spawnSync(name, ["--version"]).status === 0,
  );
}

/** Debian's Prometheus and Alertmanager. */
async function prometheus({ port: pagePort, setLoad }: ServedPage): Promise<Watcher> {
  const hook = await Hook.open();
  const alertmanager = await startAlertmanager(routing(hook.url));
  const bed = await Bed.open();
  const { host } = new URL(alertmanager.url);
  const config = `
global: { evaluation_interval: 1s }
rule_files: ["${bed.write("rules.yaml", RULES)}"]
alerting: { alertmanagers: [{ static_configs: [{ targets: ["${host}"] }] }] }
${scrapeOf(pagePort)}`;
  const started = await startPrometheus(bed.write("prometheus.yaml", config));
  const close = () => closeAll(started, alertmanager, bed, hook);
  return { hook, setLoad, [Symbol.asyncDispose]: close };
}

async function closeAll(...all: readonly AsyncDisposable[]): Promise<void> {
  for (const one of all) await one[Symbol.asyncDispose]();
}
