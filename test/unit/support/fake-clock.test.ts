import { expect, test } from "vitest";
import { FAKE_START_MS, FakeClock } from "../../support/fake-clock.ts";

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

test("the wall clock goes along, and jumps alone", async () => {
  const clock = new FakeClock();
  await clock.advance(1500.75);
  expect(clock.nowMs()).toBe(FAKE_START_MS + 1500);
  clock.stepWall(-60_000);
  expect(clock.nowMs()).toBe(FAKE_START_MS - 58_500);
  expect(clock.monotonicMs()).toBe(1500.75);
});

test("an aborted sleep rejects with the reason, and nobody sleeps any more", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const reason = new Error("stopped");
  const sleep = clock.sleep(10, stop.signal);
  stop.abort(reason);
  await expect(sleep).rejects.toBe(reason);
  await expect(clock.sleep(10, stop.signal)).rejects.toBe(reason);
  expect(clock.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
});

test("a sleep of no length wakes at the next advance", async () => {
  const clock = new FakeClock();
  let isAwake = false;
  const sleep = clock.sleep(0).then(() => {
    isAwake = true;
  });
  await null;
  expect(isAwake).toBe(false);
  await clock.advance(0);
  await sleep;
  expect(isAwake).toBe(true);
});

test("advanceWhile stops at the time at which it is told to", async () => {
  const clock = new FakeClock();
  let ticks = 0;
  const loop = async () => {
    for (;;) {
      await clock.sleep(10);
      ticks += 1;
    }
  };
  void loop();
  await clock.advanceWhile(1000, () => ticks < 3);
  expect([ticks, clock.monotonicMs()]).toEqual([3, 30]);
});
