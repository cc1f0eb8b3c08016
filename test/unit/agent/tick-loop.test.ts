import { expect, test } from "vitest";
import { runTicks, type Tick } from "../../../agent/tick-loop.ts";
import { FAKE_START_MS, FakeClock } from "../../support/fake-clock.ts";

async function ticksWhile(play: (clock: FakeClock) => Promise<void>): Promise<Tick[]> {
  const clock = new FakeClock(FAKE_START_MS + 300);
  const stop = new AbortController();
  const ticks: Tick[] = [];
  const loop = runTicks(clock, 1000, (tick) => ticks.push(tick), stop.signal);
  await play(clock);
  stop.abort();
  await loop.catch((error) => expect(error).toBe(stop.signal.reason));
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
  await loop.catch(() => undefined);
  expect(seconds(ticks)).toEqual([1, 6.3, 7]);
  expect(ticks.map(({ missed }) => missed)).toEqual([0, 4, 0]);
});
