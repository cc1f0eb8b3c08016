import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Bed, eventually, Hook, type Program } from "../test/support/programs.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress, rounded } from "./report.ts";

const ALERTS = 5000;
const POSTS = 50;
const GROUP_WAIT_MS = 1000;
const TRIALS = 40;
const TOLD_MAX_MS = 120_000;

const RULES = `groups:
  - name: load
    interval: 1s
    rules: [{ alert: LoadIsHigh, expr: node_load1 > 5 }]
`;

const routing = (url: string, groupBy: string, [waitMs, intervalMs]: readonly number[]) => `
route: { receiver: hook, group_by: [${groupBy}], group_wait: ${waitMs}ms, group_interval: ${intervalMs}ms }
receivers: [{ name: hook, webhook_configs: [{ url: "${url}" }] }]
`;

/**
 * What happens when 5,000 alerts start in one second, in one group and in as many as there are, while
 * an agent sends; and how long it takes from a value on a node until the webhook is called.
 */
export async function alerts(): Promise<BenchResult> {
  const together = await storm("alertname");
  const apart = await storm("'...'");
  const latencies = (await latency()).sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.floor(q * (latencies.length - 1))] ?? Number.NaN;
  return {
    name: "alerts",
    value: quantile(0.5),
    unit: "ms from a value on the node until the webhook is called, median",
    vs: {
      latency_p95_ms: quantile(0.95),
      latency_max_ms: quantile(1),
      ...prefixed("one_group", together),
      ...prefixed("group_each", apart),
    },
  };
}

function prefixed(prefix: string, figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([key, n]) => [`${prefix}_${key}`, n]));
}

async function storm(groupBy: string): Promise<Record<string, number>> {
  progress(`${ALERTS} alerts in one second, grouped by ${groupBy}`);
  await using bed = await Bed.open();
  await using hook = await Hook.open();
  bed.write("rules/r.yaml", "groups: []\n");
  bed.write("notify.yaml", routing(hook.url, groupBy, [GROUP_WAIT_MS, 300_000]));
  const aggregator = await bed.startReadyAggregator();
  bed.start("agent");
  await bed.untilUp();
  await delay(5000);
  const rssBefore = memoryMiB(aggregator, "VmRSS");
  const startMs = Date.now();
  for (let i = 0; i < POSTS; i += 1) {
    await post(bed, i);
    await delay(Math.max(0, startMs + ((i + 1) * 1000) / POSTS - Date.now()));
  }
  const postedMs = Date.now() - startMs;
  const told = () => new Set(hook.received.flatMap(({ body }) => body.alerts.map(nameOf))).size;
  await eventually(() => told() === ALERTS, TOLD_MAX_MS);
  const doneMs = (hook.received.at(-1)?.atMs ?? Number.NaN) - startMs;
  const [sample] = await bed.query("count_over_time(node_load1[10s])");
  return {
    posted_ms: postedMs,
    all_told_after_group_wait_ms: doneMs - postedMs - GROUP_WAIT_MS,
    requests: hook.received.length,
    agent_samples_in_10s: sample?.[1] ?? 0,
    rss_before_mib: rssBefore,
    rss_peak_mib: memoryMiB(aggregator, "VmHWM"),
  };
}

function nameOf({ labels }: { readonly labels: Record<string, string> }): string {
  return labels["n"] ?? "";
}

async function post(bed: Bed, index: number): Promise<void> {
  const each = ALERTS / POSTS;
  const body = Array.from({ length: each }, (_, i) => ({
    labels: { alertname: "Storm", severity: "page", n: String(index * each + i) },
    annotations: { summary: "one of very many" },
  }));
  const answer = await fetch(`http://127.0.0.1:${bed.httpPort}/api/v2/alerts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`POST /api/v2/alerts: ${answer.status} ${await answer.text()}`);
}

function memoryMiB({ child }: Program, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return rounded(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

/** Milliseconds of each trial; the value changes at any time within a tick. */
async function latency(): Promise<number[]> {
  progress(`${TRIALS} times from a value on the node to the webhook`);
  await using bed = await Bed.open();
  await using hook = await Hook.open();
  const root = hostOf(bed);
  bed.write("rules/r.yaml", RULES);
  bed.write("notify.yaml", routing(hook.url, "alertname", [0, 1000]));
  await bed.startReadyAggregator();
  bed.start("agent", [`--host-root=${root}`]);
  await eventually(async () => (await bed.query("node_load1")).length === 1);
  await delay(5000);
  const found: number[] = [];
  for (let trial = 0; trial < TRIALS; trial += 1) {
    await delay(1500 + (1000 * trial) / TRIALS);
    found.push(await toldAfter(bed, hook, "9.00"));
    await delay(1500);
    await toldAfter(bed, hook, "0.10");
  }
  return found;
}

async function toldAfter(bed: Bed, hook: Hook, load: string): Promise<number> {
  const known = hook.received.length;
  const startMs = Date.now();
  bed.write("host/proc/loadavg", `${load} 0.10 0.05 1/100 1234\n`);
  await eventually(() => hook.received.length > known, 10_000);
  return (hook.received.at(-1)?.atMs ?? Number.NaN) - startMs;
}

/** A host of files, whose load is whatever is written. */
function hostOf(bed: Bed): string {
  const root = bed.path("host");
  for (const name of ["proc", "sys"]) mkdirSync(join(root, name), { recursive: true });
  for (const name of ["stat", "meminfo", "uptime", "vmstat"]) {
    if (existsSync(`/proc/${name}`)) cpSync(`/proc/${name}`, join(root, "proc", name));
  }
  bed.write("host/proc/loadavg", "0.10 0.10 0.05 1/100 1234\n");
  return root;
}
