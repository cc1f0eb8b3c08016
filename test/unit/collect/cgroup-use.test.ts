import { describe, expect, test } from "vitest";
import type { ReadWhen } from "../../../agent/collect/cgroup/cgroup-files.ts";
import * as at from "../../../agent/collect/cgroup/cgroup-specs.ts";
import { CgroupUse, isReadDue, mayAnyBeDue } from "../../../agent/collect/cgroup/cgroup-use.ts";

const MIB = 1024 ** 2;
type Use = { cpuUsec?: number; memory?: number; limit?: number; quota?: number };

/** CPU time in microseconds, as cgroup v2 counts it. */
function use({ cpuUsec = 0, memory = 0, limit = 0, quota = -1 }: Use): CgroupUse {
  const values = new Float64Array(at.VALUES);
  values[at.CPU_USAGE] = cpuUsec;
  values[at.MEMORY_USAGE] = memory;
  values[at.MEMORY_LIMIT] = limit;
  values[at.CPU_QUOTA] = quota;
  return new CgroupUse(values, at.V2_CPU_SCALE);
}

describe("a file of a cgroup is read again", () => {
  const last = { cpu: 1_000_000, memory: 10 * MIB };
  const idle = { cpuUsec: 1_000_000, memory: 10 * MIB };
  test.each<[ReadWhen, Use, boolean]>([
    ["always", idle, true],
    ["setting", { ...idle, cpuUsec: 9_000_000, memory: 99 * MIB }, false],
    ["took", { ...idle, cpuUsec: 1_000_199 }, false],
    ["took", { ...idle, cpuUsec: 1_000_200 }, true],
    ["took", { ...idle, limit: 11 * MIB }, true],
    ["quota", idle, false],
    ["quota", { ...idle, quota: 25_000 }, true],
    ["jiffies", { ...idle, cpuUsec: 1_004_999 }, false],
    ["jiffies", { ...idle, cpuUsec: 1_005_000 }, true],
    ["started", { ...idle, cpuUsec: 1_001_999 }, false],
    ["started", { ...idle, cpuUsec: 1_002_000 }, true],
    ["memory", { ...idle, memory: 10 * MIB + 300_000 }, false],
    ["memory", { ...idle, memory: 11 * MIB }, true],
    ["memory", { ...idle, memory: 9 * MIB }, true],
    ["memory", { ...idle, limit: 11 * MIB }, true],
    ["memory", { ...idle, cpuUsec: 1_010_000 }, true],
    ["limit", { ...idle, memory: 20 * MIB }, false],
    ["limit", { ...idle, memory: 20 * MIB, limit: 100 * MIB }, true],
    ["limit", { ...idle, limit: 100 * MIB }, false],
    ["limit", { ...idle, limit: 11 * MIB }, true],
    // Another cgroup of the same name began to count anew.
    ["jiffies", { ...idle, cpuUsec: 5 }, true],
    ["took", { ...idle, cpuUsec: -1 }, true],
  ])("%s, %o: %s", (when, now, expected) => {
    expect(isReadDue(when, use(now), last)).toBe(expected);
    // What makes one due never escapes the question that is asked for all.
    const isOfRest = when !== "always" && when !== "took";
    if (expected && isOfRest) expect(mayAnyBeDue(use(now), last)).toBe(true);
  });

  test("not at all while nothing happens", () => {
    expect(mayAnyBeDue(use(idle), last)).toBe(false);
  });
});
