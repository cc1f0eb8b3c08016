import { expect, test } from "vitest";
import { Reloads } from "../../../shared/config/reloads.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

function scene(apply: (clock: FakeClock) => Promise<object>) {
  const deps = { clock: new FakeClock(), logger: new MemoryLogger(), metrics: new Metrics() };
  const reloads = new Reloads(deps, () => apply(deps.clock));
  const gauges = () => deps.metrics.samples().map(({ value }) => value);
  return { ...deps, reloads, gauges };
}

test("a reload that fails is reported, and the time of the last good one stays", async () => {
  let isGood = false;
  const { clock, logger, reloads, gauges } = scene(async () => {
    if (!isGood) throw new OperationalError("CONFIG", "notify.yaml:1: no route");
    return { groups: 2 };
  });
  const startS = clock.nowMs() / 1000;
  expect(gauges()).toStrictEqual([1, startS]);
  await clock.advance(5000);
  expect(await reloads.reload()).toMatchObject({ message: "notify.yaml:1: no route" });
  expect(gauges()).toStrictEqual([0, startS]);
  expect(logger.messages("error")).toStrictEqual([
    "reload failed, the old configuration stays in force",
  ]);
  isGood = true;
  expect(await reloads.reload()).toBeNull();
  expect(gauges()).toStrictEqual([1, startS + 5]);
  expect(logger.messages("info")).toStrictEqual(["configuration reloaded"]);
});

test("signals during a reload are one more reload, which begins after it", async () => {
  const startsMs: number[] = [];
  const { clock, reloads } = scene(async (own) => {
    startsMs.push(own.monotonicMs());
    await own.sleep(1000);
    return {};
  });
  const sinceMs = clock.monotonicMs();
  void reloads.reload();
  await clock.advance(500);
  void reloads.reload();
  void reloads.reload();
  const ended = reloads.ended();
  await clock.advance(3000);
  await ended;
  expect(startsMs.map((ms) => ms - sinceMs)).toStrictEqual([0, 1000]);
});

test("what is no expected failure ends the program", async () => {
  const { reloads } = scene(async () => {
    throw new TypeError("a bug");
  });
  await expect(reloads.reload()).rejects.toThrow("a bug");
});
