import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bed, runProgram } from "../support/programs.ts";

const MODES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const WINDOW_S = 10;

/** The kernel counts each CPU in hundredths of a second. */
const COARSE_S = 0.01 * cpus().length;

/** Seconds that all CPUs together have spent in each mode. */
function cpuSeconds(): number[] {
  const [, ...jiffies] = readFileSync("/proc/stat", "utf8").split("\n")[0]?.split(/\s+/) ?? [];
  return MODES.map((_, i) => Number(jiffies[i]) / 100);
}

test("the rate of CPU time is what /proc/stat, read beside it, gives", async () => {
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  const agent = bed.start("agent");
  await bed.untilUp();
  const readings = new Map<number, number[]>();
  for (let i = 0; i < WINDOW_S + 3; i += 1) {
    await delay(1000 - (Date.now() % 1000));
    readings.set(Math.floor(Date.now() / 1000), cpuSeconds());
  }
  await delay(500);
  // The window is open on the left: ten samples, nine seconds from the first to the last.
  const end = Math.max(...readings.keys()) - 1;
  const first = readings.get(end - WINDOW_S + 1);
  const last = readings.get(end);
  if (first === undefined || last === undefined) throw new Error("a second was not read");
  const { output } = await runProgram("cli", [
    `--server=127.0.0.1:${bed.grpcPort}`,
    "--output=json",
    "query",
    `sum by (mode) (rate(node_cpu_seconds_total[${WINDOW_S}s]))`,
    `--time=${end}`,
  ]);
  const result: { metric: { mode: string }; value: [number, string] }[] = JSON.parse(output).result;
  expect(result.map(({ metric }) => metric.mode).sort()).toEqual([...MODES].sort());
  for (const { metric, value } of result) {
    const i = MODES.indexOf(metric.mode);
    const rate = ((last[i] ?? 0) - (first[i] ?? 0)) / (WINDOW_S - 1);
    // Two per cent, or what the kernel's counters are coarse by at both ends.
    const tolerance = Math.max(0.02 * rate, (2 * COARSE_S) / (WINDOW_S - 1));
    expect(
      Math.abs(Number(value[1]) - rate),
      `${metric.mode}: ${value[1]}, read ${rate}`,
    ).toBeLessThanOrEqual(tolerance);
  }
  // Such as a flag that this version of V8 does not know.
  expect(agent.errors.split("\n").filter((line) => !/^(?:\{|$)/.test(line))).toEqual([]);
});
