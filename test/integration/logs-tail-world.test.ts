import { expect, test } from "vitest";
import { TailWorld } from "../support/tail-world.ts";

const FIRST = 10;
const SEEDS = 10;
const LOOKS = 60;

test("every line comes exactly once, in order, over rotations of all kinds and crashes", async () => {
  let crashes = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const world = new TailWorld(seed, "saveable");
    expect([seed, await world.run(LOOKS)]).toEqual([seed, []]);
    crashes += world.crashes;
  }
  expect(crashes).toBeGreaterThan(SEEDS);
}, 20_000);
