import type { CDPSession, Page } from "playwright-core";
import { BrowserBed } from "../test/support/browser.ts";
import { progress } from "./report.ts";

/** What a browser needs for the page, milliseconds; its processor is so much slower. */
const SLOWER = 4;
const LOADS = 5;
const CHARTS = 12;
const WATCH_MS = 60_000;
/** What a change makes the page do is over by then. */
const SETTLED_MS = 400;
const WITHIN_MS = 120_000;

/** Run in the page before its own code: when the rows of the overview were there, and each change. */
const MARKS = `
  new MutationObserver(() => {
    const once = (name, isSo) => {
      if (isSo && performance.getEntriesByName(name).length === 0) performance.mark(name);
    };
    once("rows", document.querySelector("[data-row]") !== null);
    once("charts", document.querySelectorAll(".plot canvas").length >= ${CHARTS});
  }).observe(document, { childList: true, subtree: true });
  globalThis.EventSource = class extends EventSource {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", () => performance.mark("change"));
    }
  };
`;

export type BrowserFigures = {
  readonly first_content_ms: number;
  readonly overview_usable_ms: number;
  readonly live_update_p95_ms: number;
  readonly live_updates: number;
  readonly node_charts_after_data_ms: number;
  readonly heap_mib: number;
  readonly heap_growth_percent: number;
};

/** @param minutes of live updates over which the heap is looked at */
export async function browse(url: string, node: string, minutes: number): Promise<BrowserFigures> {
  await using browser = await BrowserBed.open();
  const loads: { content: number; rows: number }[] = [];
  for (let i = 0; i < LOADS; i += 1) loads.push(await loadOverview(browser, url));
  progress("charts of a node");
  const charts: number[] = [];
  for (let i = 0; i < LOADS; i += 1) charts.push(await chartsAfterData(browser, url, node));
  progress(`live updates, ${minutes} min`);
  const live = await watch(browser, url, minutes);
  return {
    first_content_ms: median(loads.map(({ content }) => content)),
    overview_usable_ms: median(loads.map(({ rows }) => rows)),
    node_charts_after_data_ms: median(charts),
    ...live,
  };
}

async function slowPage(browser: BrowserBed): Promise<{ page: Page; session: CDPSession }> {
  const page = await browser.page("about:blank");
  await page.addInitScript(MARKS);
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  return { page, session };
}

async function loadOverview(browser: BrowserBed, url: string) {
  const { page } = await slowPage(browser);
  await page.goto(`${url}/`);
  await page.locator("[data-row]").first().waitFor({ timeout: WITHIN_MS });
  const content = await markOf(page, "first-contentful-paint");
  const rows = await markOf(page, "rows");
  await page.close();
  return { content, rows };
}

async function markOf(page: Page, name: string): Promise<number> {
  return await page.evaluate(`performance.getEntriesByName("${name}").at(-1)?.startTime ?? NaN`);
}

/** From the end of the last answer until the last chart is there. */
async function chartsAfterData(browser: BrowserBed, url: string, node: string): Promise<number> {
  const { page } = await slowPage(browser);
  await page.goto(`${url}/nodes/${node}?range=24h`, { timeout: WITHIN_MS });
  await page
    .locator(".plot canvas")
    .nth(CHARTS - 1)
    .waitFor({ timeout: WITHIN_MS });
  const tookMs = await page.evaluate<number>(`(() => {
    const thereMs = performance.getEntriesByName("charts")[0].startTime;
    const answers = performance.getEntriesByType("resource")
      .filter(({ name, responseEnd }) => name.includes("/query_range") && responseEnd <= thereMs);
    return thereMs - Math.max(...answers.map(({ responseEnd }) => responseEnd));
  })()`);
  await page.close();
  return tookMs;
}

async function watch(browser: BrowserBed, url: string, minutes: number) {
  const { page, session } = await slowPage(browser);
  await page.goto(`${url}/`);
  await page.locator("[data-row]").first().waitFor({ timeout: WITHIN_MS });
  await page.waitForTimeout(WATCH_MS / 2);
  const before = await heapOf(session);
  const updates = await updateTimes(page, session);
  await page.waitForTimeout(minutes * 60_000 - WATCH_MS);
  const after = await heapOf(session);
  await page.close();
  return {
    live_update_p95_ms: quantile(updates, 0.95),
    live_updates: updates.length,
    heap_mib: after / 1024 ** 2,
    heap_growth_percent: ((after - before) / before) * 100,
  };
}

async function heapOf(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  return (await session.send("Runtime.getHeapUsage")).usedSize;
}

type TraceEvent = {
  readonly name: string;
  readonly ts: number;
  readonly dur?: number;
  /** Of the thread's own, so that other programs do not count. */
  readonly tdur?: number;
  readonly tid: number;
};

/** How long the page's thread was busy with each change that came in. */
async function updateTimes(page: Page, session: CDPSession): Promise<number[]> {
  const events: TraceEvent[] = [];
  session.on("Tracing.dataCollected", ({ value }) => {
    events.push(...(value as unknown as TraceEvent[]));
  });
  const categories = "disabled-by-default-devtools.timeline,devtools.timeline,blink.user_timing";
  const ended = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.start", { categories, transferMode: "ReportEvents" });
  await page.waitForTimeout(WATCH_MS);
  await session.send("Tracing.end");
  await ended;
  const changes = events.filter(({ name }) => name === "change");
  return changes.map(({ ts, tid }) => {
    const tasks = events.filter((one) => {
      const endTs = one.ts + (one.dur ?? 0);
      return (
        one.name === "RunTask" && one.tid === tid && endTs > ts && one.ts < ts + SETTLED_MS * 1000
      );
    });
    return tasks.reduce((sum, { dur = 0, tdur = dur }) => sum + tdur, 0) / 1000;
  });
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
