import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatGoTime,
  goTimeText,
  goZone,
  parseGoTime,
  UTC,
} from "../../../aggregator/template/go-time.ts";

const NOON_US = 1_767_700_800_000_000; // Tuesday 2026-01-06T12:00:00Z
const BERLIN = goZone("Europe/Berlin") ?? UTC;

test.each([
  ["2006-01-02T15:04:05Z07:00", "2026-01-06T12:00:00Z"],
  ["Mon Jan _2 15:04:05 MST 2006", "Tue Jan  6 12:00:00 UTC 2026"],
  ["Monday, 02-January-06 3:4:5 PM pm", "Tuesday, 06-January-26 12:0:0 PM pm"],
  ["1/2 002 __2|Month Janitor Monk", "1/6 006   6|Month Janitor Monk"],
  ["05.000 05.999 05,999999 .0x", "00.123 00.123 00,123456 .1x"],
  ["-0700 -07:00 -07 Z0700 Z07 -07:00:00 -070000", "+0000 +00:00 +00 Z Z +00:00:00 +000000"],
  ["_2006 2006x", "_2026 2026x"],
])("the layout %s gives %s", (layout, expected) => {
  const isFraction = layout.includes("000 ") || layout.includes(".999");
  const timeUs = isFraction ? NOON_US + 123_456 : NOON_US;
  expect(formatGoTime({ timeUs, zone: UTC }, layout)).toBe(expected);
});

test("a zone has its summer time, and a name where there is one", () => {
  const at = (timeUs: number) => formatGoTime({ timeUs, zone: BERLIN }, "15:04 -0700 Z07:00");
  expect(at(NOON_US)).toBe("13:00 +0100 +01:00");
  expect(at(NOON_US + 182 * 86_400e6)).toBe("14:00 +0200 +02:00");
  const india = goZone("Asia/Kolkata") ?? UTC;
  expect(goTimeText({ timeUs: NOON_US + 0.5, zone: india })).toBe(
    "2026-01-06 17:30:00.0000005 +0530 +0530",
  );
  expect(goZone("Mars/One")).toBe(null);
});

test.each([
  ["2006-01-02", "2026-01-06", -43_200],
  ["2006-01-02 15:04:05", "2026-01-06 12:00:00.25", 0.25],
  ["2006-01-02 15:04:05.000", "2026-01-06 12:00:00.123", 0.123],
  ["2006-01-02T15:04:05Z07:00", "2026-01-06T12:00:00Z", 0],
  ["2006-01-02T15:04:05Z07:00", "2026-01-06T12:00:00-05:30", 19_800],
  ["02/Jan/2006:15:04:05 -0700", "06/Jan/2026:13:00:00 +0100", 0],
  ["January 2, 2006 3PM", "January 6, 2026 12AM", -43_200],
  ["2006 002", "2026 006", -43_200],
  ["06-1-2", "26-1-6", -43_200],
])("by the layout %s the text %s is %d s from noon", (layout, text, seconds) => {
  expect(parseGoTime(layout, text, UTC)?.timeUs).toBeCloseTo(NOON_US + seconds * 1e6, 0);
});

test.each([
  ["2006-01-02", "2026-02-29"],
  ["2006-01-02", "2026-13-01"],
  ["15:04", "24:00"],
  ["3:04PM", "13:00PM"],
  ["15:04:05", "12:60:00"],
  ["2006-01-02", " 2026-01-06"],
  ["2006 2006", "2026 2026"],
  ["2006".padEnd(300), "2026".padEnd(300)],
])("by the layout %s the text %s is no time", (layout, text) => {
  expect(parseGoTime(layout, text, UTC)).toBe(null);
});

test("a time in a zone is read as it was written, whenever the zone's clock shows it once", () => {
  const layout = "2006-01-02 15:04:05 -0700";
  fc.assert(
    fc.property(
      fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }),
      fc.constantFrom("Europe/Berlin", "America/St_Johns", "UTC", "Australia/Lord_Howe"),
      (unixS, name) => {
        const zone = goZone(name) ?? UTC;
        const text = formatGoTime({ timeUs: unixS * 1e6, zone }, layout);
        // Before there were time zones, clocks were minutes and seconds apart.
        fc.pre(Math.abs(zone.offsetMinutes(unixS)) % 15 === 0);
        expect(parseGoTime(layout, text, UTC)?.timeUs).toBe(unixS * 1e6);
      },
    ),
  );
});

test("any layout and any text take little time", () => {
  const text = fc.string({
    unit: fc.constantFrom(..."2006-01 :.TZ+JanMondayPM_".split("")),
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, text, (layout, written) => {
      parseGoTime(layout, written, UTC);
      expect(formatGoTime({ timeUs: NOON_US, zone: UTC }, layout)).toBeTypeOf("string");
    }),
    { numRuns: 500 },
  );
});
