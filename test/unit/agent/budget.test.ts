import { describe, expect, test } from "vitest";
import { BudgetWatch } from "../../../agent/pipeline/budget.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

const BUDGET = { cpuCores: 0.1, memoryBytes: 1000 };

/** Looks are 10 s apart, each with so much CPU used since the last. */
function bed() {
  const logger = new MemoryLogger();
  const metrics = new Metrics();
  const collector = { name: "dear", totalMs: 0, factor: 1 };
  const shedder = {
    sheddable: () => [{ ...collector }],
    setFactor: (_name: string, factor: number) => {
      collector.factor = factor;
    },
  };
  const watch = new BudgetWatch(BUDGET, shedder, metrics, logger);
  let nowMs = 0;
  let cpuUsec = 0;
  const look = (cpuCores: number) => {
    nowMs += 10_000;
    cpuUsec += cpuCores * 10_000_000;
    collector.totalMs += cpuCores * 5000; // half of it is the collector's
    watch.look(nowMs, { cpuUsec, residentBytes: 500 });
  };
  return { look, logger, collector };
}

describe("the agent's budget", () => {
  test("is told of when shedding begins and when it is over, and not between", () => {
    const { look, logger, collector } = bed();
    for (let i = 0; i < 7; i += 1) look(0.05);
    for (let i = 0; i < 4; i += 1) look(0.2);
    expect(collector.factor).toBe(16);
    for (let i = 0; i < 4; i += 1) look(0.02);
    expect(collector.factor).toBe(1);
    expect(logger.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "warn: over the agent's budget: collectors run less often",
      "info: within the agent's budget: collectors run as they should",
    ]);
  });

  test("slows nothing down in the first minute, which is dearer than any other", () => {
    const { look, collector } = bed();
    for (let i = 0; i < 6; i += 1) look(0.5);
    expect(collector.factor).toBe(1);
    look(0.5);
    expect(collector.factor).toBe(2);
  });
});
