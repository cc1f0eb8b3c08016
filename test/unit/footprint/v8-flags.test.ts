import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { flagsFor } from "../../../agent/footprint/v8-flags.ts";

test.each([
  ["11.3.244.8-node.33", "--interrupt-budget=15000"],
  ["12.4.254.21-node.57", "--invocation-count-for-turbofan=660"],
  ["13.6.233.17-node.63", "--invocation-count-for-turbofan=660"],
  ["14.6.202.34-node.40", "--invocation-count-for-turbofan=660"],
])("V8 %s is asked to optimise early by %s", (version, flag) => {
  expect(flagsFor(version).atStart).toContain(flag);
});

test.each(["15.0.1-node.1", "9.4", ""])('V8 "%s" was not tried and gets no flags', (version) => {
  expect(flagsFor(version)).toEqual({ memory: [], atStart: [], later: [] });
});

test("the start prints no unrecognized flag on this Node", () => {
  const { memory, atStart, later } = flagsFor(process.versions.v8);
  const flags = [...memory, ...atStart, ...later];
  const script = `for (const flag of ${JSON.stringify(flags)}) v8.setFlagsFromString(flag)`;
  const { stderr, status } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
});
