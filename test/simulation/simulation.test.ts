import { describe, expect, test } from "vitest";
import { PLANT_NAMES } from "./plants.ts";
import { runSeed } from "./run.ts";

/** A planted bug must be found within so many seeds. */
const PLANT_SEEDS = 1000;
const PLAIN = { plant: null, isTraced: false };

/** Seeds that once failed, each with what was wrong then. */
const MENDED = [
  [264_485_838, "a clock put right: of two samples at one time the older one stood"],
  [264_486_137, "a clock put right: an alert was judged by the older sample of a time"],
] as const;

test.each(MENDED)("seed %d holds: %s", async (seed) => {
  expect((await runSeed(seed, PLAIN)).violations).toEqual([]);
});

test("a seed replays exactly", async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const first = await runSeed(seed, PLAIN);
    const again = await runSeed(seed, PLAIN);
    expect(again.digest).toBe(first.digest);
  }
});

describe("a planted bug is found", () => {
  test.each(PLANT_NAMES)("%s", async (plant) => {
    for (let seed = 1; seed <= PLANT_SEEDS; seed += 1) {
      const { violations } = await runSeed(seed, { plant, isTraced: false });
      if (violations.length === 0) continue;
      console.log(`${plant}: found with seed ${seed}: ${violations[0]}`);
      return;
    }
    expect.unreachable(`${plant} was not found in ${PLANT_SEEDS} seeds`);
  });
});
