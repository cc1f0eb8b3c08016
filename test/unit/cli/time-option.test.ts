import { expect, test } from "vitest";
import { chooseStep, parseTimeOption } from "../../../cli/time-option.ts";

const NOW_MS = Date.parse("2026-01-06T12:00:00Z");

test.each([
  ["now", NOW_MS],
  ["-1h", NOW_MS - 3_600_000],
  ["now-1h30m", NOW_MS - 5_400_000],
  ["-0", NOW_MS],
  ["2026-01-06T11:00:00Z", NOW_MS - 3_600_000],
  ["2026-01-06T12:00:00.25+01:00", NOW_MS - 3_599_750],
  ["1767700800", NOW_MS],
  ["1767700800.5", NOW_MS + 500],
])("%s is a time", (text, expected) => {
  expect(parseTimeOption(text, NOW_MS)).toBe(expected);
});

test.each([
  "",
  "1h",
  "-1",
  "-x",
  "yesterday",
  "2026-01-06",
  "2026-13-06T12:00:00Z",
  "2026-02-30T12:00:00Z", // not the 2nd of March
  "2026-01-06T24:00:00Z",
  "1e300",
  "9".repeat(30),
])("%j is no time, and what is one is said", (text) => {
  expect(() => parseTimeOption(text, NOW_MS)).toThrow(/\((write it as|e\.g)/);
});

test.each([
  [60_000, 1000],
  [3_600_000, 15_000],
  [86_400_000, 600_000],
  [30 * 86_400_000, 21_600_000],
  [3650 * 86_400_000, 15 * 86_400_000],
  [0, 1000],
])("a range of %d ms has a step of %d ms", (spanMs, expected) => {
  expect(chooseStep(NOW_MS - spanMs, NOW_MS)).toBe(expected);
});
