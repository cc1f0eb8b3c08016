import { expect, test } from "vitest";
import { SeededRandom } from "../../support/random.ts";

const draw = (random: SeededRandom, count = 5) => Array.from({ length: count }, random.next);

test("the same seed gives the same numbers, another seed others", () => {
  expect(draw(new SeededRandom(7))).toEqual(draw(new SeededRandom(7)));
  expect(draw(new SeededRandom(7))).not.toEqual(draw(new SeededRandom(8)));
});

test("a fork depends on its name and not on what was drawn before", () => {
  const random = new SeededRandom(7);
  const early = draw(random.fork("disk"));
  draw(random);
  expect(draw(random.fork("disk"))).toEqual(early);
  expect(draw(random.fork("network"))).not.toEqual(early);
});

test("numbers fill their range evenly", () => {
  const random = new SeededRandom("even");
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 40_000; i += 1) {
    const index = random.int(0, 3);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  const numbers = draw(random, 1000);
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers)).toBeLessThan(1);
});
