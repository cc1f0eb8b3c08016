import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { runSeed } from "./run.ts";

/** Seeds that continuous integration runs. */
const CI_SEEDS = Number(process.env["TELLTALE_SEEDS"] ?? 600);
/** Of which each of two files has its half, one a core. */
export const HALF_OF_SEEDS = Math.ceil(CI_SEEDS / 2);

/** How often a run on the average must have seen each. */
const LEAST_PER_SEED = {
  tick: 30,
  kill: 1,
  "power-cut": 1,
  connect: 3,
  "connect-standby": 0.5,
  forget: 0.1,
  notified: 1,
  drop: 0.4,
  heal: 0.2,
  "half-open": 0.2,
  replay: 0.1,
};

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
  for (const [kind, least] of Object.entries(LEAST_PER_SEED)) {
    expect((totals.get(kind) ?? 0) / HALF_OF_SEEDS, kind).toBeGreaterThan(least);
  }
}
