import { spawn, spawnSync } from "node:child_process";
import { PageMemory } from "../agent/scrape/page/page-memory.ts";
import type { PageLimits } from "../agent/scrape/page/page-reading.ts";
import { freePorts, killAtExit } from "../test/support/programs.ts";
import { SeededRandom } from "../test/support/random.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress } from "./report.ts";

const EXPORTER = "prometheus-node-exporter";
const LIMITS: PageLimits = {
  pageBytesMax: 64 * 1024 ** 2,
  samplesMax: 1_000_000,
  labelsMax: 64,
  nameBytesMax: 512,
  valueBytesMax: 4096,
  seriesOfMetricMax: 100_000,
};
/** Pages of one layout, with other numbers. */
const VARIANTS = 5;
const ROUNDS = 5;
const SAMPLES_A_ROUND = 500_000;
const FIRST_SAMPLES_A_ROUND = 50_000;

/**
 * CPU nanoseconds a sample of pages in memory: of the first page of a target; of one with the lines
 * of the last one (`same`, the value); and of one where every tenth line went, and another one came
 * (`moving`). Pages: generated ones of 500 and 10,000 samples, and Debian's node_exporter's, if it is
 * installed.
 */
export async function scrape(): Promise<BenchResult> {
  const pages = new Map<string, Buffer[]>();
  for (const count of [500, 10_000]) pages.set(`${count} samples`, generated(count));
  if (spawnSync(EXPORTER, ["--version"]).status === 0) pages.set("node_exporter", await exporter());
  const vs: Record<string, number> = {};
  for (const [name, variants] of pages) {
    progress(name);
    vs[`${name}, first`] = firstFigure(variants);
    vs[`${name}, same`] = figure(variants);
    vs[`${name}, moving`] = figure(variants.map(withoutTenths));
  }
  for (const [name, figure] of Object.entries(vs)) console.log(`${name.padEnd(30)}${figure}`);
  const value = vs["node_exporter, same"] ?? vs["500 samples, same"] ?? 0;
  return { name: "scrape", value, unit: "CPU ns per sample", vs };
}

/** Of the pages one after another, in one memory. */
function figure(pages: readonly Buffer[]): number {
  const memory = new PageMemory(LIMITS, 1);
  const readAll = (samplesMin: number) => {
    let samples = 0;
    for (let i = 0; samples < samplesMin; i += 1) {
      samples += memory.read(pages[i % pages.length] ?? Buffer.of(), "text").samples;
    }
    return samples;
  };
  readAll(SAMPLES_A_ROUND);
  return nanoseconds(() => readAll(SAMPLES_A_ROUND));
}

/** Each in a memory of its own. */
function firstFigure(pages: readonly Buffer[]): number {
  return nanoseconds(() => {
    let samples = 0;
    for (let i = 0; samples < FIRST_SAMPLES_A_ROUND; i += 1) {
      const page = pages[i % pages.length] ?? Buffer.of();
      samples += new PageMemory(LIMITS, 1).read(page, "text").samples;
    }
    return samples;
  });
}

/**
 * Of the best round: what else runs on a machine makes CPU time longer, too.
 *
 * @param work returns how many samples it read
 */
function nanoseconds(work: () => number): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    const samples = work();
    const { user, system } = process.cpuUsage(before);
    return Math.round(((user + system) * 1000) / samples);
  });
  return Math.min(...rounds);
}

/** Counters, gauges and histograms as services have them, about ten series a family. */
function generated(count: number): Buffer[] {
  const random = new SeededRandom(1);
  return Array.from({ length: VARIANTS }, () => {
    let page = "";
    for (let i = 0; i < count; i += 1) {
      const family = Math.floor(i / 10);
      if (i % 10 === 0) {
        page += `# HELP shop_family_${family}_total Requests that the shop has answered.\n`;
        page += `# TYPE shop_family_${family}_total counter\n`;
      }
      const labels = `method="GET",handler="/api/v1/items/${i % 10}",status="200",zone="eu-1"`;
      page += `shop_family_${family}_total{${labels}} ${numberText(random, i)}\n`;
    }
    return Buffer.from(page);
  });
}

function numberText(random: SeededRandom, i: number): string {
  if (i % 3 === 0) return String(Math.round(random.next() * 1e6));
  if (i % 3 === 1) return (random.next() * 1000).toFixed(3);
  return String(Math.round(random.next() * 1e12) / 1e6);
}

async function exporter(): Promise<Buffer[]> {
  const [port] = await freePorts();
  const child = spawn(EXPORTER, [`--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" });
  killAtExit(child);
  const pages: Buffer[] = [];
  for (let tries = 0; pages.length < VARIANTS && tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => null);
    if (answer !== null) pages.push(Buffer.from(await answer.arrayBuffer()));
  }
  child.kill("SIGKILL");
  return pages;
}

/** Every tenth sample is left out, other ones in each page. */
function withoutTenths(page: Buffer, variant: number): Buffer {
  const lines = page.toString().split("\n");
  return Buffer.from(
    lines.filter((line, i) => line.startsWith("#") || i % 10 !== variant).join("\n"),
  );
}
