import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PatternTable } from "../aggregator/logs/patterns/pattern-table.ts";
import { Miner } from "../shared/log-patterns/miner.ts";
import { type ByteSpan, spanOf } from "../shared/model/byte-span.ts";
import { labelsOf } from "../shared/model/labels.ts";
import { nodeClock } from "../shared/platform/node.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { MemoryLogger } from "../test/support/memory-logger.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress } from "./report.ts";

/** Lines of a commit: what changed is asked for after each. */
const BATCH_LINES = 1000;
const FILE_BYTES_MAX = 200_000_000;

/**
 * Lines a CPU-second: found to have a pattern (`mine`), and counted by the table of the aggregator,
 * what is to be written included (`table`). Each file begins with no pattern known.
 *
 * @param args `--corpus=DIR`: its files NAME.log, instead of the labelled captures of the tests;
 *     `--lines=N`: so many of each, again from its beginning where it has fewer
 */
export async function patterns(args: readonly string[]): Promise<BenchResult> {
  const argument = (name: string) =>
    args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
  const corpus = argument("corpus") ?? "test/fixtures/logs";
  const count = Number(argument("lines") ?? 200_000);
  const vs: Record<string, number> = {};
  let seconds = 0;
  let lines = 0;
  for (const file of readdirSync(corpus).filter((name) => name.endsWith(".log"))) {
    progress(file);
    const text = readFileSync(join(corpus, file)).subarray(0, FILE_BYTES_MAX).toString();
    const some = text.split("\n").slice(0, -1);
    const all = Array.from({ length: count }, (_, i) => spanOf(some[i % some.length] ?? ""));
    const mined = cpuSeconds(() => mine(all));
    const counted = cpuSeconds(() => countLines(all));
    vs[`${file} mine`] = Math.round(all.length / mined);
    vs[`${file} table`] = Math.round(all.length / counted);
    seconds += counted;
    lines += all.length;
  }
  for (const [name, figure] of Object.entries(vs)) console.log(`${name.padEnd(30)}${figure}`);
  return { name: "patterns", value: Math.round(lines / seconds), unit: "lines per CPU-second", vs };
}

function mine(lines: readonly ByteSpan[]): void {
  const miner = new Miner();
  for (const line of lines) miner.addBytes(line, 0);
}

function countLines(lines: readonly ByteSpan[]): void {
  const logger = new MemoryLogger();
  const table = new PatternTable({ clock: nodeClock, logger, metrics: new Metrics() });
  const labels = labelsOf({ service: "bench" });
  for (const [i, line] of lines.entries()) {
    table.take(labels, line, i * 1000);
    if (i % BATCH_LINES > 0) continue;
    table.changes();
    table.settled(true);
  }
}

function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
