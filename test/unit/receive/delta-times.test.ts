import fc from "fast-check";
import { expect, test } from "vitest";
import { PointSeries } from "../../../agent/receive/otlp/point-series.ts";
import { OneSeries } from "../../../agent/receive/pushed-one.ts";

const PARTS = [{ suffix: "", label: null }];

function counter(): PointSeries {
  return new PointSeries(PARTS, [new OneSeries(["__name__", "a"], true, 0)], null);
}

test.each<[what: string, points: [start: number, end: number, value: number][], told: unknown[]]>([
  [
    "one after the other",
    [
      [0, 10, 3],
      [10, 20, 4],
    ],
    [3, 7],
  ],
  [
    "with a gap",
    [
      [0, 10, 3],
      [15, 20, 4],
    ],
    [3, 7],
  ],
  [
    "without a start",
    [
      [0, 10, 3],
      [0, 20, 4],
    ],
    [3, 7],
  ],
  [
    "sent twice",
    [
      [5, 10, 3],
      [5, 10, 3],
    ],
    [3, "duplicate"],
  ],
  [
    "an older one late",
    [
      [10, 20, 3],
      [5, 10, 4],
    ],
    [3, "out_of_order"],
  ],
  [
    "over one that counted",
    [
      [10, 20, 3],
      [15, 25, 4],
      [20, 25, 1],
    ],
    [3, "overlap", 4],
  ],
  ["that ends before it starts", [[20, 10, 3]], ["malformed"]],
])("increases %s", (_, points, told) => {
  const series = counter();
  const got = points.map(([start, end, value]) => {
    const totals = series.add([value], start, end);
    return typeof totals === "string" ? totals : totals[0];
  });
  expect(got).toEqual(told);
});

test("each stretch of time counts at most once, whatever is lost, repeated or late", () => {
  const window = fc.record({ length: fc.integer({ min: 1, max: 3 }), value: fc.nat(100) });
  const order = fc.array(fc.nat(19), { size: "max", maxLength: 60 });
  fc.assert(
    fc.property(fc.array(window, { minLength: 20, maxLength: 20 }), order, (windows, sent) => {
      const series = counter();
      let clock = 1000;
      const points = windows.map(({ length, value }) => {
        const start = clock;
        clock += length * 10;
        return { start, end: clock, value };
      });
      // The model: windows count whose start is not before the end of the last one that counted.
      let endMs = 0;
      let expected = 0;
      let total = 0;
      for (const index of sent) {
        const point = points[index];
        if (point === undefined) continue;
        const totals = series.add([point.value], point.start, point.end);
        if (typeof totals !== "string") total = totals[0] ?? Number.NaN;
        if (point.start < endMs) continue;
        expected += point.value;
        endMs = point.end;
      }
      expect(total).toBe(expected);
    }),
  );
});
