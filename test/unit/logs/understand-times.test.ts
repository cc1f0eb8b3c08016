import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  LINE_READER_DEFAULTS,
  LineReader,
} from "../../../aggregator/logs/understand/line-reader.ts";
import { createZone } from "../../../aggregator/logs/understand/zone.ts";

const us = (iso: string) => Date.parse(iso) * 1000;
const NOW_US = us("2026-11-30T03:20:00Z");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const reader = new LineReader();
const timeOf = (line: string, nowUs = NOW_US) => reader.read(line, nowUs).timeUs;

/** The parts of a local time, each as its usual digits. */
function partsOf(localUs: number) {
  const date = new Date(Math.floor(localUs / 1000));
  const iso = date.toISOString();
  const [year, month, day] = [iso.slice(0, 4), iso.slice(5, 7), iso.slice(8, 10)];
  const micros = String(localUs - Math.floor(localUs / 1e6) * 1e6).padStart(6, "0");
  const hour = date.getUTCHours();
  return {
    ...{ year, month, day, micros, clock: iso.slice(11, 19), millis: micros.slice(0, 3) },
    ...{ name: MONTHS[date.getUTCMonth()], weekday: DAYS[date.getUTCDay()], m: Number(month) },
    ...{ d: Number(day), spaced: String(Number(day)).padStart(2), half: hour < 12 ? "AM" : "PM" },
    halfClock: `${hour % 12 || 12}${iso.slice(13, 19)}`,
    unix: Math.floor(localUs / 1e6),
  };
}
type Parts = ReturnType<typeof partsOf>;

/** With the microseconds that a form keeps; `zone` is written as `+01:30`. */
const FORMS: readonly [string, keepsUs: number, (p: Parts, zone: string) => string][] = [
  ["RFC 3339", 1, (p, z) => `${p.year}-${p.month}-${p.day}T${p.clock}.${p.micros}${z} x`],
  ["ISO, comma", 1000, (p, z) => `${p.year}-${p.month}-${p.day} ${p.clock},${p.millis} ${z} x`],
  ["ISO, no colon", 1e6, (p, z) => `${p.year}-${p.month}-${p.day}T${p.clock}${colonless(z)} x`],
  ["ISO, nanoseconds", 1, (p, z) => `${p.year}-${p.month}-${p.day}T${p.clock}.${p.micros}789${z}`],
  ["RFC 5424", 1, (p, z) => `<13>1 ${p.year}-${p.month}-${p.day}T${p.clock}.${p.micros}${z} a b`],
  ["access", 1e6, (p, z) => `::1 - - [${p.day}/${p.name}/${p.year}:${p.clock} ${colonless(z)}] "`],
  ["RFC 2822", 1e6, (p, z) => `${p.day} ${p.name} ${p.year} ${p.clock} ${colonless(z)} x`],
];
/** These say no zone: UTC, unless the reader was given another one. */
const ZONELESS_FORMS: readonly [string, keepsUs: number, (p: Parts) => string][] = [
  ["syslog", 1e6, (p) => `${p.name} ${p.spaced} ${p.clock} web1 app: x`],
  [
    "Apache error",
    1,
    (p) => `[${p.weekday} ${p.name} ${p.day} ${p.clock}.${p.micros} ${p.year}] x`,
  ],
  ["nginx error", 1e6, (p) => `${p.year}/${p.month}/${p.day} ${p.clock} [warn] 1#1: x`],
  ["Go", 1, (p) => `${p.year}/${p.month}/${p.day} ${p.clock}.${p.micros} x`],
  ["klog", 1, (p) => `I${p.month}${p.day} ${p.clock}.${p.micros}    1 a.go:1] x`],
  ["Tomcat", 1000, (p) => `${p.day}-${p.name}-${p.year} ${p.clock}.${p.millis} INFO x`],
  ["Redis", 1000, (p) => `1:M ${p.day} ${p.name} ${p.year} ${p.clock}.${p.millis} * x`],
  ["logcat", 1000, (p) => `${p.month}-${p.day} ${p.clock}.${p.millis}  1  2 I T: x`],
  ["US", 1e6, (p) => `${p.m}/${p.d}/${p.year} ${p.halfClock} ${p.half} x`],
  ["java.util.logging", 1e6, (p) => `${p.name} ${p.d}, ${p.year} ${p.halfClock} ${p.half} a b`],
  ["Spark", 1e6, (p) => `${p.year.slice(2)}/${p.month}/${p.day} ${p.clock} INFO x`],
  ["day first", 1e6, (p) => `${p.day}-${p.month}-${p.year} ${p.clock} x`],
  ["basic", 1e6, (p) => `${p.year}${p.month}${p.day}T${p.clock.replaceAll(":", "")} x`],
  ["Windows CBS", 1e6, (p) => `${p.year}-${p.month}-${p.day} ${p.clock}, Info     CBS  x`],
  ["logfmt", 1, (p) => `time="${p.year}-${p.month}-${p.day} ${p.clock}.${p.micros}" level=info`],
  ["JSON", 1, (p) => `{"a":[1,{}],"time":"${p.year}-${p.month}-${p.day}T${p.clock}.${p.micros}Z"}`],
  ["seconds", 1, (p) => `${p.unix}.${p.micros} x`],
  ["milliseconds", 1000, (p) => `{"time":${p.unix}${p.millis}}`],
  ["microseconds", 1, (p) => `{"ts":${p.unix}${p.micros}}`],
  ["nanoseconds", 1, (p) => `{"ts":"${p.unix}${p.micros}789"}`],
];
const colonless = (zone: string) => zone.replace(":", "");

const DAY_US = 86_400e6;
const anyTime = fc.integer({ min: NOW_US - 360 * DAY_US, max: NOW_US + 500e6 });
const anyOffset = fc.integer({ min: -14 * 60, max: 14 * 60 });
const zoneText = (minutes: number) => {
  const [h, m] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? "-" : "+"}${String(h).padStart(2, "0")}:${String(m).padStart(2, "0")}`;
};

describe("a time that is written out is read as itself", () => {
  test.each(FORMS)("%s, in any zone", (_name, keepsUs, format) => {
    fc.assert(
      fc.property(anyTime, anyOffset, (timeUs, minutes) => {
        const line = format(partsOf(timeUs + minutes * 60e6), zoneText(minutes));
        expect(timeOf(line), line).toBe(Math.floor(timeUs / keepsUs) * keepsUs);
      }),
    );
  });

  test.each(ZONELESS_FORMS)("%s", (_name, keepsUs, format) => {
    fc.assert(
      fc.property(anyTime, (timeUs) => {
        const line = format(partsOf(timeUs));
        expect(timeOf(line), line).toBe(Math.floor(timeUs / keepsUs) * keepsUs);
      }),
    );
  });

  test("in the zone that was given", () => {
    const local = new LineReader({ ...LINE_READER_DEFAULTS, zone: createZone("+02:00") });
    expect(local.read("2026-11-30 05:14:15 x", NOW_US).timeUs).toBe(us("2026-11-30T03:14:15Z"));
    expect(local.read("2026-11-30 03:14:15Z x", NOW_US).timeUs).toBe(us("2026-11-30T03:14:15Z"));
  });
});

describe("a year that is not written", () => {
  test.each([
    ["Dec 31 23:59:58 web1 a: x", "2027-01-01T00:00:03Z", "2026-12-31T23:59:58Z"],
    ["Dec 31 23:59:58 web1 a: x", "2027-01-20T12:00:00Z", "2026-12-31T23:59:58Z"],
    ["Jan  1 00:00:01 web1 a: x", "2026-12-31T23:59:58Z", "2027-01-01T00:00:01Z"],
    ["Feb 29 10:00:00 web1 a: x", "2028-03-02T00:00:00Z", "2028-02-29T10:00:00Z"],
    ["I1231 23:59:58.000000  1 a.go:1] x", "2027-01-01T00:00:03Z", "2026-12-31T23:59:58Z"],
    ["12-31 23:59:58.000  1  1 I a: x", "2027-01-01T00:00:03Z", "2026-12-31T23:59:58Z"],
  ])("%s, received %s", (line, now, expected) => {
    expect(timeOf(line, us(now))).toBe(us(expected));
  });

  test("a 29 February of long ago and a 30 February are none", () => {
    const facts = reader.read("Feb 29 10:00:00 web1 a: x", us("2027-03-02T00:00:00Z"));
    expect([facts.timeUs, facts.isTimeRefused]).toEqual([null, true]);
    expect(timeOf("Feb 30 10:00:00 web1 a: x")).toBeNull();
  });
});

describe("a time that cannot be is refused and counted", () => {
  test.each([
    ["in the future", "2026-11-30T03:30:01Z x", true],
    ["at the edge of it", "2026-11-30T03:30:00Z x", false],
    ["in year 1", "0001-01-01T00:00:00Z x", true],
    ["of a clock that was never set", "Jan  1 1970 00:00:09 cam1 : x", true],
    ["too long ago", "2025-11-29T03:19:59Z x", true],
    ["just not too long ago", "2025-11-29T03:20:00Z x", false],
    ["in a field", "level=info ts=2036-01-01T00:00:00Z", true],
    ["as a number of a field", '{"ts":9999999999}', true],
    ["zero", '{"ts":0}', false],
    ["none", "nothing", false],
  ])("%s", (_name, line, isRefused) => {
    const facts = reader.read(line, NOW_US);
    expect(facts.isTimeRefused).toBe(isRefused);
    if (isRefused) expect(facts.timeUs).toBeNull();
  });
});

describe("zones by name", () => {
  const berlin = new LineReader({ ...LINE_READER_DEFAULTS, zone: createZone("Europe/Berlin") });
  test.each([
    ["winter", "2026-01-15 12:00:00", "2026-01-15T12:00:00Z", "2026-01-15T11:00:00Z"],
    ["summer", "2026-07-15 12:00:00", "2026-07-15T12:00:00Z", "2026-07-15T10:00:00Z"],
    ["before summer time", "2026-03-29 01:59:59", "2026-03-29T01:00:00Z", "2026-03-29T00:59:59Z"],
    ["its first second", "2026-03-29 03:00:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"],
    ["the hour left out", "2026-03-29 02:30:00", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"],
    [
      "the hour twice, first",
      "2026-10-25 02:30:00",
      "2026-10-25T00:30:09Z",
      "2026-10-25T00:30:00Z",
    ],
    [
      "the hour twice, later",
      "2026-10-25 02:30:00",
      "2026-10-25T01:30:09Z",
      "2026-10-25T01:30:00Z",
    ],
    ["after it", "2026-10-25 03:00:00", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"],
  ])("%s", (_name, line, now, expected) => {
    expect(berlin.read(line, us(now)).timeUs).toBe(us(expected));
  });

  test.each(["Europe/Nowhere", "+15:00", "", "+2"])("%s is refused", (name) => {
    expect(() => createZone(name)).toThrow("No zone");
  });

  test("abbreviations are PostgreSQL's", () => {
    expect(timeOf("2026-11-29 22:14:15 EST [1] LOG:  x")).toBe(us("2026-11-30T03:14:15Z"));
    expect(timeOf("2026-11-30 03:14:15 INFO x")).toBe(us("2026-11-30T03:14:15Z"));
  });
});

const PIECES = [
  ...["2026-11-30", "03:14:15", "T", "Z", " ", "  ", "\t", "[", "]", "{", "}", '"', ":", ",", "="],
  ...[
    "level",
    "time",
    "ts",
    "ERROR",
    "info",
    "warning",
    "Nov 30",
    "30/Nov/2026",
    "<13>",
    "\\",
    "I",
  ],
  ...["1130", "1796008455", "+0100", ".123", "\u001b[31m", "\u0000", "é", "12", "-", "PM", "GET /"],
];
const anyLine = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 30, size: "max" }).map((all) => all.join("")),
  fc.string({ unit: "binary-ascii", maxLength: 400 }),
);

describe("any text", () => {
  test("gives a time within the bounds or none, and the same after any other line", () => {
    const used = new LineReader();
    fc.assert(
      fc.property(anyLine, anyLine, (line, before) => {
        used.read(before, NOW_US - 400 * DAY_US);
        const facts = used.read(line, NOW_US);
        expect(facts).toEqual(new LineReader().read(line, NOW_US));
        const { timeUs } = facts;
        if (timeUs === null) return;
        expect(Number.isInteger(timeUs)).toBe(true);
        expect(timeUs).toBeGreaterThanOrEqual(NOW_US - LINE_READER_DEFAULTS.pastMaxUs);
        expect(timeUs).toBeLessThanOrEqual(NOW_US + LINE_READER_DEFAULTS.futureMaxUs);
      }),
      { numRuns: 500 },
    );
  });

  const MEGA = 2 ** 20;
  test.each([
    ["digits", "1".repeat(MEGA)],
    ["letters", "a".repeat(MEGA)],
    ["one level", "E".repeat(MEGA)],
    ["NULs", "\u0000".repeat(MEGA)],
    ["blanks", " ".repeat(MEGA)],
    ["escapes", "\u001b[".repeat(MEGA / 2)],
    ["equals", "=".repeat(MEGA)],
    ["prose without fields", "a b c d e f g ".repeat(MEGA / 14)],
    ["braces", "{".repeat(MEGA)],
    ["nested JSON", `{"a":${'{"a":'.repeat(1000)}1${"}".repeat(1000)},"level":"warn"}`],
    ["nested lists", `{"a":${"[".repeat(MEGA)}`],
    ["backslashes", `{"a":"${"\\".repeat(MEGA)}`],
    ["quotes of JSON", `{"a":"${'\\"'.repeat(MEGA / 2)}`],
    ["many fields", `{${'"a":1,'.repeat(MEGA / 6)}"level":"warn"}`],
    ["an access line without an end", `::1 - - [30/Nov/2026:03:14:15 +0000] "${"a".repeat(MEGA)}`],
  ])("of a megabyte or a thousand levels is read in a moment: %s", (_name, line) => {
    reader.read(line, NOW_US);
    const before = process.cpuUsage();
    for (let i = 0; i < 20; i += 1) reader.read(line, NOW_US);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 20).toBeLessThan(5000); // microseconds: about what copying it takes
  });

  test("a level behind a thousand levels of JSON is found", () => {
    const nested = `{"a":${'{"a":'.repeat(1000)}1${"}".repeat(1000)},"level":"warn"}`;
    expect(reader.read(nested, NOW_US).severity).toBe("warn");
  });
});
