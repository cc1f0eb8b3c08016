import { expect, test } from "vitest";
import { TailWorld } from "../support/tail-world.ts";

const FIRST = 10;
const SEEDS = 20;
const LOOKS = 60;

test.each([
  ["every line comes exactly once, in order, over rotations of all kinds and crashes", "saveable"],
  [
    "what is lost of truncated files is what was counted, or written in a window that was",
    "windows",
  ],
] as const)("%s", async (_name, kind) => {
  let crashes = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const world = new TailWorld(seed, kind);
    expect([seed, await world.run(LOOKS)]).toEqual([seed, []]);
    crashes += world.crashes;
  }
  expect(crashes).toBeGreaterThan(SEEDS);
});
