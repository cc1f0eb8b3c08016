import { expect, test } from "vitest";
import { REGRESSION_SEEDS } from "./regression-seeds.ts";
import { runSeed } from "./run.ts";

const PLAIN = { plant: null, isTraced: false };

test.each(REGRESSION_SEEDS)("seed %d holds: %s", async (seed) => {
  expect((await runSeed(seed, PLAIN)).violations).toEqual([]);
});

test("a seed replays exactly", async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const first = await runSeed(seed, PLAIN);
    const again = await runSeed(seed, PLAIN);
    expect(again.digest).toBe(first.digest);
  }
});
