import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatAgo,
  formatBytes,
  formatNumber,
  formatSeconds,
  isoTime,
} from "../../../cli/format.ts";

test.each([
  [0, "0"],
  [1, "1"],
  [-3, "-3"],
  [123_456_789_012, "123456789012"],
  [0.1 + 0.2, "0.3"],
  [1 / 3, "0.333333"],
  [200 / 3, "66.6667"],
  [0.99999999, "1.0"],
  [12_345.678, "12345.7"],
  [99_999.99, "100000.0"],
  [1_234_567.891, "1234567.9"],
  [0.00012345678, "0.000123457"],
  [0.000012345678, "0.0000123457"],
  [1.23456789e-9, "1.23457e-9"],
  [1.5e300, "1.5e+300"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "+Inf"],
  [Number.NEGATIVE_INFINITY, "-Inf"],
])("%d is shown as %s", (value, expected) => {
  expect(formatNumber(value)).toBe(expected);
});

test("what is shown is within a millionth of the number, and whole only if it is", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = formatNumber(value);
      expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-5);
      if (/^-?\d+$/.test(text)) expect(Number.isInteger(value)).toBe(true);
    }),
  );
});

test.each([
  [0, "now"],
  [999, "now"],
  [1000, "1s ago"],
  [59_999, "59s ago"],
  [60_000, "1m ago"],
  [90_000, "1m 30s ago"],
  [7_199_000, "1h 59m ago"],
  [7_200_000, "2h ago"],
  [7_230_000, "2h ago"],
  [90_000_000, "1d 1h ago"],
  [-5000, "in 5s"],
])("%d ms is %s", (ageMs, expected) => {
  expect(formatAgo(1_767_700_800_000 - ageMs, 1_767_700_800_000)).toBe(expected);
});

test("no time is never, and null", () => {
  expect(formatAgo(0, 1000)).toBe("never");
  expect(isoTime(0)).toBeNull();
  expect(isoTime(1_767_700_800_500)).toBe("2026-01-06T12:00:00.5Z");
  expect(isoTime(1_767_700_800_000)).toBe("2026-01-06T12:00:00Z");
});

test.each([
  [0, "0s"],
  [0.00000042, "0.42µs"],
  [0.00087, "870µs"],
  [0.0123456, "12.3ms"],
  [1.5, "1.5s"],
  [123.4, "123s"],
  [Number.NaN, "NaN"],
])("%d seconds are shown as %s", (value, expected) => {
  expect(formatSeconds(value)).toBe(expected);
});

test.each([
  [0, "0B"],
  [1023, "1023B"],
  [1_572_864, "1.5MiB"],
  [3 * 2 ** 50, "3PiB"],
  [Number.POSITIVE_INFINITY, "+Inf"],
])("%d bytes are shown as %s", (value, expected) => {
  expect(formatBytes(value)).toBe(expected);
});
