import type { BenchResult } from "./bench-result.ts";
import { metricsBesideLogs } from "./log-load-metrics.ts";
import { outage } from "./log-load-outage.ts";
import { newPattern } from "./log-load-pattern.ts";
import { progress } from "./report.ts";

const MEGABYTE = 1e6;

/** What is measured, and which of its figures is the one that counts, where only it is. */
const PARTS = {
  metrics: {
    headline: "ack_ms_p99",
    unit: "ms to ack, p99",
    megabytes: 50,
    run: metricsBesideLogs,
  },
  outage: { headline: "live_seconds_late_at_most", unit: "s late", megabytes: 1, run: outage },
  pattern: { headline: "ms_to_hook_most", unit: "ms to a webhook", megabytes: 0, run: newPattern },
} as const;

/**
 * Logs beside metrics: whether ticks and their acks are on time while logs are written and their
 * queue is full; how lines come in after an outage; how soon a new pattern is told of. The real agent
 * and aggregator, and writers in a process of their own. `--only=metrics|outage|pattern`,
 * `--minutes=10`, `--rate=MB/s` (50 beside metrics, 1 over an outage).
 */
export async function logload(args: readonly string[]): Promise<BenchResult> {
  const argument = (name: string) =>
    args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
  const minutes = Number(argument("minutes") ?? 10);
  const rate = argument("rate");
  const only = argument("only");
  const parts = Object.entries(PARTS).filter(([name]) => only === undefined || name === only);
  const vs: Record<string, number> = {};
  for (const [name, { run, megabytes }] of parts) {
    const figures = await run(minutes, Number(rate ?? megabytes) * MEGABYTE);
    progress(`${name} ${JSON.stringify(figures, null, 1)}`);
    for (const [figure, value] of Object.entries(figures)) vs[`${name}_${figure}`] = value;
  }
  const [first] = parts;
  if (first === undefined) throw new Error(`There is no part ${only}`);
  const [name, { headline, unit }] = first;
  return { name: "logload", value: vs[`${name}_${headline}`] ?? Number.NaN, unit, vs };
}
