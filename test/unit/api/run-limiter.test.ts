import { expect, test } from "vitest";
import { clientGone } from "../../../aggregator/api/api-error.ts";
import { RunLimiter } from "../../../aggregator/api/run-limiter.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";

const LIVE = new AbortController().signal;

/** Work that ends when it is told to. */
function manualWork() {
  let end: (value: string) => void = () => {};
  let signal: AbortSignal | null = null;
  const done = new Promise<string>((resolve) => {
    end = resolve;
  });
  const work = (given: AbortSignal) => {
    signal = given;
    return done;
  };
  return { work, end, signal: () => signal };
}

function limiter(runningMax = 2, waitingMax = 2) {
  const clock = new FakeClock();
  return { clock, limiter: new RunLimiter(clock, { runningMax, waitingMax }) };
}

test("the result of the work is handed through, and so is its failure", async () => {
  const bed = limiter();
  expect(await bed.limiter.run(1000, LIVE, async () => 7)).toBe(7);
  const failing = bed.limiter.run(1000, LIVE, async () => {
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
});

test("work that takes too long is a timeout, and its signal is aborted", async () => {
  const bed = limiter();
  const slow = manualWork();
  const run = bed.limiter.run(1500, LIVE, slow.work);
  const outcome = expect(run).rejects.toMatchObject({ type: "timeout", message: /1\.5 s/ });
  await bed.clock.advance(1500);
  await outcome;
  expect(slow.signal()?.aborted).toBe(true);
});

test("when the client goes away the work is told", async () => {
  const bed = limiter();
  const slow = manualWork();
  const gone = new AbortController();
  const run = bed.limiter.run(1500, gone.signal, slow.work);
  const outcome = expect(run).rejects.toMatchObject({ type: "canceled" });
  await settle();
  gone.abort(clientGone());
  await outcome;
  expect(slow.signal()?.aborted).toBe(true);
});

test("so much runs at a time; the rest goes in turn; more than may wait is refused", async () => {
  const bed = limiter(2, 2);
  const works = Array.from({ length: 4 }, manualWork);
  const runs = works.map(({ work }) => bed.limiter.run(1000, LIVE, work));
  await settle();
  expect(works.map(({ signal }) => signal() !== null)).toEqual([true, true, false, false]);
  await expect(bed.limiter.run(1000, LIVE, async () => 1)).rejects.toMatchObject({
    type: "unavailable",
  });
  works[1]?.end("second");
  await settle();
  expect(works.map(({ signal }) => signal() !== null)).toEqual([true, true, true, false]);
  for (const { end } of works) end("done");
  expect(await Promise.all(runs)).toEqual(["done", "second", "done", "done"]);
  expect(await bed.limiter.run(1000, LIVE, async () => "free")).toBe("free");
});

test("work that ignores its signal keeps its place until it ends", async () => {
  const bed = limiter(1, 1);
  const stubborn = manualWork();
  const run = bed.limiter.run(100, LIVE, stubborn.work);
  const outcome = expect(run).rejects.toMatchObject({ type: "timeout" });
  await bed.clock.advance(100);
  await outcome;
  const next = manualWork();
  const nextRun = bed.limiter.run(1000, LIVE, next.work);
  await settle();
  expect(next.signal()).toBeNull();
  stubborn.end("late");
  await settle();
  expect(next.signal()).not.toBeNull();
  next.end("ok");
  expect(await nextRun).toBe("ok");
});

test("waiting counts as time, and who gave up waiting leaves no gap", async () => {
  const bed = limiter(1, 2);
  const first = manualWork();
  const firstRun = bed.limiter.run(10_000, LIVE, first.work);
  const impatient = bed.limiter.run(100, LIVE, async () => "never");
  const outcome = expect(impatient).rejects.toMatchObject({ type: "timeout" });
  const patient = bed.limiter.run(10_000, LIVE, async () => "patient");
  await bed.clock.advance(100);
  await outcome;
  first.end("first");
  expect(await firstRun).toBe("first");
  expect(await patient).toBe("patient");
  expect(await bed.limiter.run(10, LIVE, async () => "free")).toBe("free");
});
