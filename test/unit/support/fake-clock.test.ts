import { expect, test } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";

test("sleepers wake in the order of their times, each before the next, at their own time", async () => {
  const clock = new FakeClock();
  const woken: string[] = [];
  const sleeper = async (name: string, ...pauses: number[]) => {
    for (const ms of pauses) {
      await clock.sleep(ms);
      for (let i = 0; i < 20; i += 1) await null; // work that follows
      woken.push(`${name}@${clock.monotonicMs()}`);
    }
  };
  const all = [sleeper("a", 30, 5), sleeper("b", 10, 20, 4), sleeper("c", 10)];
  await clock.advance(34);
  expect(woken).toEqual(["b@10", "c@10", "a@30", "b@30", "b@34"]);
  expect(clock.monotonicMs()).toBe(34);
  await clock.advance(1);
  expect(woken.at(-1)).toBe("a@35");
  await Promise.all(all);
});
