import { setTimeout as delay } from "node:timers/promises";
import { hasBrowser } from "../test/support/browser.ts";
import { Bed, cpuSecondsOf, residentMiB } from "../test/support/programs.ts";
import type { BenchResult } from "./bench-result.ts";
import { browse } from "./page-browser.ts";
import { nodeName, PageFleet } from "./page-fleet.ts";
import { progress, rounded } from "./report.ts";

const NODES = 1000;
const CONTAINERS = 20;
const PAGES = 50;
const TICK_MS = 1000;
const PAST_MS = 600_000;
const WATCH_S = 30;
const READS = 20;
/** One node has so much of the past, in steps that an agent with a slow collector would have. */
const DAY_MS = 86_400_000;
const DAY_TICK_MS = 15_000;
/** Over which the browser's heap is looked at. */
const MINUTES = 10;

/** What the figures should be at most. */
const GOALS = {
  first_content_ms: 800,
  overview_usable_ms: 1500,
  live_update_p95_ms: 16,
  node_charts_after_data_ms: 500,
  heap_growth_percent: 5,
  read_cpu_ms: 50,
  pages_percent: 5,
} as const;

/**
 * What the page costs: a thousand nodes of one tick a second and 20,000 containers. The aggregator
 * first with no page, then with one and with fifty that follow the overview, then reading it whole;
 * and Chromium, where there is one, with a processor that is four times slower.
 * @param args the minutes of live updates in the browser, and the nodes
 */
export async function page([
  minutes = `${MINUTES}`,
  nodes = `${NODES}`,
]: readonly string[]): Promise<BenchResult> {
  const count = Number(nodes);
  await using bed = await Bed.open();
  const { child } = await bed.startReadyAggregator();
  progress(`${count} nodes, ${PAST_MS / 60_000} min of the past`);
  const fleet = await PageFleet.open(bed.grpcPort, {
    ...{ nodes: count, tickMs: TICK_MS, pastMs: PAST_MS, containers: CONTAINERS },
  });
  const day = await PageFleet.open(bed.grpcPort, {
    ...{ nodes: 1, tickMs: DAY_TICK_MS, pastMs: DAY_MS, containers: CONTAINERS, first: count },
  });
  const stop = new AbortController();
  const running = Promise.all([fleet.run(stop.signal), day.run(stop.signal)]);
  await delay(20_000);
  const shareOver = async (work: () => Promise<void>) => {
    const [before, startedMs] = [cpuSecondsOf(child), performance.now()];
    await work();
    return (cpuSecondsOf(child) - before) / ((performance.now() - startedMs) / 1000);
  };
  const idle = await shareOver(() => delay(WATCH_S * 1000));
  const url = `http://127.0.0.1:${bed.httpPort}/api/telltale/v1/overview`;
  const startedMs = performance.now();
  const before = cpuSecondsOf(child);
  const first = (await (await fetch(url)).text()).length;
  const firstMs = performance.now() - startedMs;
  await delay(10_000); // the past is read meanwhile
  const firstCpu = cpuSecondsOf(child) - before - idle * ((performance.now() - startedMs) / 1000);
  const one = await follow(url, 1, () => shareOver(() => delay(WATCH_S * 1000)));
  const many = await follow(url, PAGES, () => shareOver(() => delay(WATCH_S * 1000)));
  const readsBefore = cpuSecondsOf(child);
  const readsMs = performance.now();
  for (let i = 0; i < READS; i += 1) await (await fetch(url)).text();
  const readSeconds = (performance.now() - readsMs) / 1000;
  const reads = cpuSecondsOf(child) - readsBefore - many.result * readSeconds;
  const rssMiB = residentMiB(child.pid);
  const origin = `http://127.0.0.1:${bed.httpPort}`;
  const browser = hasBrowser ? await browse(origin, nodeName(count), Number(minutes)) : {};
  const pagesPercent = (many.result - idle) * 100;
  const readCpuMs = (reads / READS) * 1000;
  showGoals({ ...browser, read_cpu_ms: readCpuMs, pages_percent: pagesPercent });
  stop.abort();
  await running;
  return {
    name: "page",
    value: pagesPercent,
    unit: `% of a core for ${PAGES} open pages`,
    vs: {
      ...{ nodes: count, idle_percent: idle * 100, one_page_percent: (one.result - idle) * 100 },
      ...{ containers: count * CONTAINERS, read_cpu_ms: readCpuMs, first_read_ms: firstMs },
      first_read_and_past_cpu_ms: firstCpu * 1000,
      ...{ overview_bytes: first, changes_bytes_per_second: many.bytes / WATCH_S / PAGES },
      aggregator_rss_mib: rssMiB,
      ...browser,
    },
  };
}

/** Each figure that has a goal, beside it. */
function showGoals(figures: Readonly<Record<string, number>>): void {
  for (const [name, goal] of Object.entries(GOALS)) {
    const value = figures[name];
    if (value === undefined) continue;
    const verdict = Math.abs(value) <= goal ? "good" : "too much";
    progress(`${name}: ${rounded(value)} (goal: ${goal}, ${verdict})`);
  }
}

/** Runs `work` while so many pages follow; `bytes` that they were sent. */
async function follow<T>(url: string, pages: number, work: () => Promise<T>) {
  const stop = new AbortController();
  let bytes = 0;
  const readAll = async () => {
    while (!stop.signal.aborted) {
      const { seq } = (await (await fetch(url, { signal: stop.signal })).json()) as { seq: number };
      const changes = await fetch(`${url}/changes?after=${seq}`, { signal: stop.signal });
      for await (const chunk of changes.body ?? []) bytes += (chunk as Uint8Array).length;
    }
  };
  const reading = Array.from({ length: pages }, () => readAll().catch(() => {}));
  await delay(5000);
  bytes = 0;
  const result = await work();
  const sent = bytes;
  stop.abort();
  await Promise.all(reading);
  return { result, bytes: sent };
}
