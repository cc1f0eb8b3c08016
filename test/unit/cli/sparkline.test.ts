import { expect, test } from "vitest";
import { sparkline } from "../../../cli/sparkline.ts";

function lineOf(values: readonly (number | null)[], width = 40): string {
  const span = { startMs: 0, endMs: (values.length - 1) * 1000, stepMs: 1000 };
  const points = values.flatMap((value, i) => (value === null ? [] : [[i * 1000, value] as const]));
  return sparkline(
    points.map(([timeMs]) => timeMs),
    points.map(([, value]) => value),
    span,
    width,
  );
}

test.each([
  ["a slope climbs bar by bar", [0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"],
  ["what does not change is flat", [5, 5, 5], "▁▁▁"],
  ["a gap stays a gap", [0, null, null, 7], "▁  █"],
  ["what is no number is a gap", [0, Number.NaN, Number.POSITIVE_INFINITY, 7], "▁  █"],
  ["one point is one bar", [3], "▁"],
  ["nothing is blank", [null, null], "  "],
])("%s", (_name, values, expected) => {
  expect(lineOf(values)).toBe(expected);
});

test("more points than bars are averaged", () => {
  expect(lineOf([0, 0, 10, 0, 10, 10], 3)).toBe("▁▅█");
});

test("a spike of one among thousands is still a line of the width asked for", () => {
  const values = Array.from({ length: 5000 }, (_, i) => (i === 2500 ? 1000 : 0));
  const line = lineOf(values, 40);
  expect([...line]).toHaveLength(40);
  expect(line).toContain("█");
});
