import fc from "fast-check";
import { expect, test } from "vitest";
import { formatRfc3339, parseRfc3339 } from "../../../shared/model/rfc3339.ts";

test.each([
  ["1970-01-01T00:00:00Z", 0],
  ["2015-07-01T20:10:51.781Z", 1_435_781_451_781],
  ["2015-07-01T22:10:51.781+02:00", 1_435_781_451_781],
  ["2015-07-01T15:40:51.781-04:30", 1_435_781_451_781],
  ["2015-07-01T20:10:51.781999999Z", 1_435_781_451_781],
  ["2015-07-01T20:10:51.7z", 1_435_781_451_700],
  ["1969-12-31T23:59:59.999Z", -1],
  ["2024-02-29T00:00:00Z", 1_709_164_800_000],
  ["0001-01-01T00:00:00Z", -62_135_596_800_000],
])("%s is read", (text, expected) => {
  expect(parseRfc3339(text)).toBe(expected);
});

test.each([
  "",
  "2015-07-01",
  "2015-07-01T20:10:51",
  "2015-02-29T00:00:00Z",
  "2015-13-01T00:00:00Z",
  "2015-00-01T00:00:00Z",
  "2015-01-00T00:00:00Z",
  "2015-07-01T24:00:00Z",
  "2015-07-01T20:60:00Z",
  "2015-07-01T20:10:51+25:00",
  "2015-07-01T20:10:51Zx",
])("%j is no instant", (text) => {
  expect(parseRfc3339(text)).toBeNull();
});

test("what is written reads back, and is what JavaScript's own dates say", () => {
  const fourDigitYears = { min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31") };
  fc.assert(
    fc.property(fc.date({ ...fourDigitYears, noInvalidDate: true }), (date) => {
      const text = formatRfc3339(date.getTime());
      expect(parseRfc3339(text)).toBe(date.getTime());
      expect(new Date(text).toISOString()).toBe(date.toISOString());
    }),
  );
});

test("decimals are written only where there are some", () => {
  expect(formatRfc3339(1_435_781_451_000)).toBe("2015-07-01T20:10:51Z");
  expect(formatRfc3339(1_435_781_451_700)).toBe("2015-07-01T20:10:51.7Z");
  expect(formatRfc3339(1_435_781_451_007)).toBe("2015-07-01T20:10:51.007Z");
});
