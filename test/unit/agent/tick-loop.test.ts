import { expect, test } from "vitest";
import { runTicks, type Tick } from "../../../agent/pipeline/tick-loop.ts";
import { FAKE_START_MS, FakeClock } from "../../support/fake-clock.ts";
import { SeededRandom } from "../../support/random.ts";

async function ticksWhile(play: (clock: FakeClock) => Promise<void>): Promise<Tick[]> {
  const clock = new FakeClock(FAKE_START_MS + 300);
  const stop = new AbortController();
  const ticks: Tick[] = [];
  const loop = runTicks(clock, 1000, (tick) => ticks.push(tick), stop.signal);
  await play(clock);
  stop.abort();
  await loop;
  return ticks;
}

const seconds = (ticks: readonly Tick[]) =>
  ticks.map(({ timeMs }) => (timeMs - FAKE_START_MS) / 1000);

test("a tick falls on each full second of the wall clock and bears it as its time", async () => {
  expect(seconds(await ticksWhile((clock) => clock.advance(3000)))).toEqual([1, 2, 3]);
});

test("a clock that goes forward skips the ticks between and says that none was missed", async () => {
  const ticks = await ticksWhile(async (clock) => {
    await clock.advance(1000);
    clock.stepWall(3_600_000);
    await clock.advance(1000);
  });
  expect(ticks.map(({ missed }) => missed)).toEqual([0, 0]);
  expect(seconds(ticks)[1]).toBeGreaterThan(3600);
});

test("a clock that goes back goes on ticking and says so once", async () => {
  const ticks = await ticksWhile(async (clock) => {
    await clock.advance(2000);
    clock.stepWall(-3_600_000);
    await clock.advance(3000);
  });
  expect(ticks.length).toBeGreaterThanOrEqual(4);
  expect(ticks.map(({ isClockBack }) => isClockBack)).toEqual(ticks.map((_, i) => i === 2));
});

test("jumps in either direction lose no tick, make none more and give no time twice", async () => {
  const random = new SeededRandom("jumps");
  for (let run = 0; run < 40; run += 1) {
    let jumps = 0;
    const ticks = await ticksWhile(async (clock) => {
      for (let second = 0; second < 60; second += 1) {
        await clock.advance(1000);
        if (!random.chance(0.2)) continue;
        jumps += 1;
        clock.stepWall(random.chance(0.5) ? 1000 * random.int(-9, 9) : random.int(-9000, 9000));
      }
    });
    const times = ticks.map(({ timeMs }) => timeMs);
    expect(new Set(times).size).toBe(times.length);
    // Each jump moves the ticks after it by less than an interval, and they find back by halves.
    expect(Math.abs(ticks.length - 60)).toBeLessThanOrEqual(1 + Math.ceil(jumps / 2));
    expect(ticks.every(({ missed, lateMs }) => missed === 0 && lateMs < 50)).toBe(true);
    const isBack = times.map((timeMs, i) => timeMs <= (times[i - 1] ?? 0));
    expect(ticks.map(({ isClockBack }) => isClockBack)).toEqual(isBack);
  }
});

test("a timer that fires early does not make a tick early", async () => {
  const clock = new FakeClock(FAKE_START_MS + 300);
  const stop = new AbortController();
  const ticks: Tick[] = [];
  const hasty = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms > 20 ? ms - 3 : ms, signal),
  };
  const loop = runTicks(hasty, 1000, (tick) => ticks.push(tick), stop.signal);
  await clock.advance(3000);
  stop.abort();
  await loop;
  expect(seconds(ticks)).toEqual([1, 2, 3]);
});

test("a process that stood still says how many ticks it missed and when it really ran", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const ticks: Tick[] = [];
  const asleep = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    // The first sleep takes 4.3 seconds longer than asked, as of a machine that was suspended.
    sleep: (ms: number, signal?: AbortSignal) =>
      clock.sleep(ticks.length === 1 ? ms + 4300 : ms, signal),
  };
  const loop = runTicks(asleep, 1000, (tick) => ticks.push(tick), stop.signal);
  await clock.advance(7000);
  stop.abort();
  await loop;
  expect(seconds(ticks)).toEqual([1, 6.3, 7]);
  expect(ticks.map(({ missed }) => missed)).toEqual([0, 4, 0]);
});
