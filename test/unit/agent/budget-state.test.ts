import { describe, expect, test } from "vitest";
import { nextFactor } from "../../../agent/pipeline/budget-state.ts";

const BUDGET = { cpuCores: 0.1, memoryBytes: 1000 };
const COLLECTORS = [
  { name: "cheap", ms: 4, factor: 1 },
  { name: "dear", ms: 36, factor: 2 },
  { name: "slowest", ms: 8, factor: 16 },
];

describe("an agent", () => {
  test.each([
    ["over its CPU slows the dearest down", 0.2, 500, { name: "dear", factor: 4 }],
    ["over its memory too", 0.05, 2000, { name: "dear", factor: 4 }],
    ["with room lets the slowest run more often", 0.05, 500, { name: "slowest", factor: 8 }],
    ["near its budget changes nothing", 0.08, 500, null],
    ["whose time goes elsewhere, to logs, leaves its collectors alone", 0.9, 500, null],
    ["over its memory slows them down all the same", 0.9, 2000, { name: "dear", factor: 4 }],
  ])("%s", (_, cpuCores, memoryBytes, expected) => {
    expect(nextFactor({ cpuCores, memoryBytes }, BUDGET, COLLECTORS)).toEqual(expected);
  });

  test("over its budget with nothing left to slow down changes nothing", () => {
    const usage = { cpuCores: 1, memoryBytes: 1 };
    expect(nextFactor(usage, BUDGET, [{ name: "a", ms: 500, factor: 16 }])).toBeNull();
    expect(nextFactor(usage, BUDGET, [])).toBeNull();
  });

  test("that was never over it has nothing to undo", () => {
    const usage = { cpuCores: 0, memoryBytes: 0 };
    expect(nextFactor(usage, BUDGET, [{ name: "a", ms: 5, factor: 1 }])).toBeNull();
  });
});
