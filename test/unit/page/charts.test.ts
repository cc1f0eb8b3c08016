import { expect, test } from "vitest";
import { alertMarks } from "../../../aggregator/web/page/node/alert-marks.ts";
import {
  highest,
  lastPlace,
  lineOn,
  sampledPlaces,
  stacked,
} from "../../../aggregator/web/page/node/chart-lines.ts";
import { containerRows } from "../../../aggregator/web/page/node/container-rows.ts";
import { movedRange, rangeOf, windowOf } from "../../../aggregator/web/page/node/time-range.ts";

const GRID = { fromMs: 0, toMs: 4000, stepMs: 1000 };

test("values go to their places of the grid, what is missing or no number is none", () => {
  const values = [
    [0, "1"],
    [2, "NaN"],
    [3, "4"],
    [9, "5"],
  ] as const;
  expect(lineOn(GRID, "a", { metric: {}, values }).values).toEqual([1, null, null, 4, null]);
});

test("lines stand upon each other, and one without a value leaves the others where they are", () => {
  const lines = [
    { label: "a", values: [1, null, null] },
    { label: "b", values: [2, 3, null] },
  ];
  expect(stacked(lines).map(({ values }) => values)).toEqual([
    [1, null, null],
    [3, 3, null],
  ]);
  expect(lastPlace(lines)).toBe(1);
  expect(lastPlace([])).toBe(-1);
});

test("of many lines the highest are kept, in their order", () => {
  const lines = Array.from({ length: 12 }, (_, i) => ({
    label: `${i}`,
    values: [i % 2 ? 9 : 1, i],
  }));
  expect(highest(lines).map(({ label }) => label)).toEqual([
    ...["1", "3", "5", "7", "8", "9", "10", "11"],
  ]);
});

test("a few times stand for all, with the last", () => {
  expect(sampledPlaces(10, 4)).toEqual([0, 3, 6, 9]);
  expect(sampledPlaces(2, 4)).toEqual([0, 1]);
  expect(sampledPlaces(0, 4)).toEqual([]);
});

test("an alert fires while its series has values without a gap", () => {
  const metric = { alertname: "A", severity: "critical" };
  const values = [
    [10, "1"],
    [20, "1"],
    [60, "1"],
  ] as const;
  const of = { name: "A", isCritical: true };
  expect(alertMarks([{ metric, values }], 10_000)).toEqual([
    { ...of, fromMs: 10_000, toMs: 20_000 },
    { ...of, fromMs: 60_000, toMs: 60_000 },
  ]);
});

test("a link says the time, or how much of it up to now", () => {
  const now = 10_000_000;
  const of = (text: string) => rangeOf(new URLSearchParams(text), now);
  expect(of("")).toEqual({ fromMs: 6_400_000, toMs: now, isLive: true });
  expect(of("range=15m")).toEqual({ fromMs: 9_100_000, toMs: now, isLive: true });
  expect(of("from=5&to=9")).toEqual({ fromMs: 5, toMs: 9, isLive: false });
  for (const odd of ["from=9&to=5", "from=x&to=9", "range=constructor"]) {
    expect(of(odd).isLive, odd).toBe(true);
  }
});

test("time moves by half, and is live again at its end", () => {
  const now = 1000;
  const live = { fromMs: 0, toMs: 1000, isLive: true };
  const earlier = movedRange(live, -1, now);
  expect(earlier).toEqual({ fromMs: -500, toMs: 500, isLive: false });
  expect(movedRange(earlier, 1, now + 20).isLive).toBe(true);
});

test("a window is of whole steps, about 180 of them", () => {
  const { fromMs, toMs, stepMs } = windowOf({ fromMs: 1234, toMs: 3_601_234, isLive: true });
  expect([fromMs % stepMs, toMs % stepMs, stepMs]).toEqual([0, 0, 20_000]);
});

test("containers are joined by name; those near a limit come first", () => {
  const sample = (name: string, value: number, image = "") => {
    return { metric: { name, image }, value: [0, String(value)] as const };
  };
  const rows = containerRows({
    cpu: [sample("busy", 2, "img"), sample("near", 0.1)],
    cpuLimitShare: [],
    memory: [sample("near", 5), sample("busy", 6)],
    memoryLimitShare: [sample("near", 0.93)],
    throttled: [],
    restarts: [],
  });
  expect(rows.map(({ name }) => name)).toEqual(["near", "busy"]);
  expect(rows[1]).toMatchObject({ image: "img", cpu: 2, memory: 6, memoryLimitShare: null });
});
