import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Bed, eventually, Hook, type Program } from "../test/support/programs.ts";
import { alertLatencies } from "./alert-latency.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress, rounded } from "./report.ts";

const ALERTS = 5000;
const POSTS = 50;
const GROUP_WAIT_MS = 1000;
const TOLD_MAX_MS = 120_000;

const routing = (url: string, groupBy: string, [waitMs, intervalMs]: readonly number[]) => `
route: { receiver: hook, group_by: [${groupBy}], group_wait: ${waitMs}ms, group_interval: ${intervalMs}ms }
receivers: [{ name: hook, webhook_configs: [{ url: "${url}" }] }]
`;

/**
 * What happens when 5,000 alerts start in one second, in one group and in as many as there are, while
 * an agent sends; and how long it takes from a value on a node until the webhook is called, with Prometheus
 * and Alertmanager beside it where they are installed.
 */
export async function alerts(): Promise<BenchResult> {
  const together = await storm("alertname");
  const apart = await storm("'...'");
  const { file, scraped, prometheus } = await alertLatencies();
  return {
    name: "alerts",
    value: quantile(scraped, 0.5),
    unit: "ms from a value on a scraped page until the webhook is called, median",
    vs: {
      scraped_p95_ms: quantile(scraped, 0.95),
      scraped_max_ms: quantile(scraped, 1),
      file_median_ms: quantile(file, 0.5),
      file_p95_ms: quantile(file, 0.95),
      file_max_ms: quantile(file, 1),
      ...(prometheus === null ? {} : besides(scraped, prometheus)),
      ...prefixed("one_group", together),
      ...prefixed("group_each", apart),
    },
  };
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
}

/** Prometheus and Alertmanager beside us, in the same trials. */
function besides(ours: readonly number[], theirs: readonly number[]): Record<string, number> {
  const [median, p95] = [quantile(theirs, 0.5), quantile(theirs, 0.95)];
  return {
    prometheus_median_ms: median,
    prometheus_p95_ms: p95,
    prometheus_max_ms: quantile(theirs, 1),
    median_ratio: rounded(median / quantile(ours, 0.5)),
    p95_ratio: rounded(p95 / quantile(ours, 0.95)),
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
