import { expect, test } from "vitest";
import { PLANT_NAMES } from "./plants.ts";
import { runSeed } from "./run.ts";
import { CI_SEEDS } from "./seeds.ts";

test.each(PLANT_NAMES)("the planted bug %s is found", async (plant) => {
  for (let seed = 1; seed <= CI_SEEDS; seed += 1) {
    const { violations } = await runSeed(seed, { plant, isTraced: false });
    if (violations.length === 0) continue;
    console.log(`${plant}: found with seed ${seed}: ${violations[0]}`);
    return;
  }
  expect.unreachable(`${plant} was not found in ${CI_SEEDS} seeds`);
});
