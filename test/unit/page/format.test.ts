import { expect, test } from "vitest";
import {
  formatBytes,
  formatDuration,
  formatLoad,
  formatRate,
  formatShare,
  formatTime,
} from "../../../aggregator/web/page/format.ts";

/** Spaces that do not break are the language's affair. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

test.each([
  [0, "0%"],
  [0.004, "0.4%"],
  [0.0994, "9.9%"],
  [0.0996, "10%"],
  [1, "100%"],
])("a share of %s is %s", (value, text) => {
  expect(formatShare("en", value)).toBe(text);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1 kB"],
  [999_600, "1 MB"],
  [9_940_000, "9.9 MB"],
  [9_960_000, "10 MB"],
  [2e18, "2,000 PB"],
])("%s bytes are %s", (value, text) => {
  expect(plain(formatBytes("en", value))).toBe(text);
});

test.each([
  [-5, "0s"],
  [999, "0s"],
  [59_999, "59s"],
  [61_000, "1m 1s"],
  [3_600_000, "1h"],
  [12_000_000, "3h 20m"],
  [36_000_000, "10h"],
  [90_000_000, "1d 1h"],
])("%s ms last %s", (ms, text) => {
  expect(plain(formatDuration("en", ms))).toBe(text);
});

test("a rate, a load and a duration in Chinese", () => {
  expect(plain(formatRate("en", 1_250_000))).toBe("1.3 MB/s");
  expect(formatLoad("en", 2)).toBe("2.0");
  expect(formatDuration("zh", 12_000_000)).toBe("3小时 20分钟");
});

test("the day is told where it is not today", () => {
  const noon = Date.UTC(2026, 4, 3, 12);
  expect(formatTime("en", noon, noon)).toMatch(/^\d\d:\d\d$/);
  expect(formatTime("en", noon, noon + 3 * 86_400_000)).toMatch(/^May 3, \d\d:\d\d$/);
});
