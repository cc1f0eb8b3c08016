import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { runSeed } from "./run.ts";

/** Seeds that continuous integration runs. */
export const CI_SEEDS = Number(process.env["TELLTALE_SEEDS"] ?? 2000);
/** Of which each of two files has its half, one a core. */
export const HALF_OF_SEEDS = Math.ceil(CI_SEEDS / 2);

/** Other seeds for each commit, the same for one commit everywhere. */
function firstSeed(): number {
  try {
    const options = { encoding: "utf8" } as const;
    const commit = execFileSync("git", ["rev-parse", "HEAD"], options).trim();
    return createHash("sha256").update(commit).digest().readUInt32BE(0) % 1_000_000_000;
  } catch {
    return 1; // no repository: a fixed set
  }
}

/** Runs one half; every seed must keep every promise, and enough must have happened in them. */
export async function runHalf(half: 0 | 1): Promise<void> {
  const from = firstSeed() + half * HALF_OF_SEEDS;
  console.log(`seeds ${from} to ${from + HALF_OF_SEEDS - 1}; TELLTALE_SEEDS changes how many`);
  const totals = new Map<string, number>();
  for (let seed = from; seed < from + HALF_OF_SEEDS; seed += 1) {
    const { violations, counts } = await runSeed(seed, { plant: null, isTraced: false });
    expect(violations, `replay: npm run sim -- --seed ${seed}`).toEqual([]);
    for (const [kind, count] of counts) totals.set(kind, (totals.get(kind) ?? 0) + count);
  }
  const perSeed = (kind: string) => (totals.get(kind) ?? 0) / HALF_OF_SEEDS;
  expect(perSeed("tick")).toBeGreaterThan(30);
  expect(perSeed("kill") + perSeed("power-cut")).toBeGreaterThan(2);
  expect(perSeed("connect")).toBeGreaterThan(3);
  expect(perSeed("connect-standby")).toBeGreaterThan(0.5);
  expect(perSeed("forget")).toBeGreaterThan(0.1);
  expect(perSeed("notified")).toBeGreaterThan(1);
  expect(perSeed("half-open")).toBeGreaterThan(0.2);
  expect(perSeed("replay")).toBeGreaterThan(0.1);
}
