import assert from "node:assert/strict";
import { expect, test } from "vitest";
import { repeat } from "../../../shared/time/repeat.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

/** Runs `outcomes`, one a second: "x" fails; ten seconds after a failure. */
function start(outcomes: string, onRun = (_stop: AbortController) => {}) {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const stop = new AbortController();
  const times: number[] = [];
  const running = repeat(
    {
      failure: "cannot count",
      pauseMs: (failures) => 1000 + 9000 * failures,
      run: async () => {
        const outcome = outcomes[times.length];
        times.push(clock.monotonicMs() / 1000);
        onRun(stop);
        if (outcome === "x") throw new Error("no fingers");
      },
    },
    { clock, logger },
    stop.signal,
  );
  return { clock, logger, stop, times, running };
}

test("work runs at once, then after each pause, until it is stopped", async () => {
  const { clock, stop, times, running } = start("....");
  await clock.advance(2500);
  stop.abort();
  await running;
  await clock.advance(5000);
  expect(times).toEqual([0, 1, 2]);
});

test("failures in a row are logged once, their end too, and the pause knows their number", async () => {
  const { clock, logger, stop, times, running } = start(".xx.x.");
  await clock.advance(44_000);
  stop.abort();
  await running;
  expect(times).toEqual([0, 1, 11, 30, 31, 41, 42, 43, 44]);
  expect(logger.lines).toEqual([
    { level: "error", fields: { error: "no fingers" }, message: "cannot count" },
    { level: "info", fields: { failures: 2 }, message: "cannot count: works again" },
    { level: "error", fields: { error: "no fingers" }, message: "cannot count" },
    { level: "info", fields: { failures: 1 }, message: "cannot count: works again" },
  ]);
});

test("work that stops because it is told to has not failed", async () => {
  const { logger, running } = start("x", (stop) => stop.abort());
  await running;
  expect(logger.lines).toEqual([]);
});

test("a broken assertion ends the loop", async () => {
  const { running, times } = start("..", () => assert(false));
  await expect(running).rejects.toThrow(assert.AssertionError);
  expect(times).toEqual([0]);
});

test("a clock that fails is not taken for the end", async () => {
  const clock = new FakeClock();
  clock.sleep = () => Promise.reject(new Error("no time"));
  const once = { failure: "", pauseMs: () => 1, run: () => {} };
  const deps = { clock, logger: new MemoryLogger() };
  await expect(repeat(once, deps, new AbortController().signal)).rejects.toThrow("no time");
});
