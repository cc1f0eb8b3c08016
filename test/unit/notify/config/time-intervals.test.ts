import { expect, test } from "vitest";
import { readConfig } from "./reading.ts";

function testOf(interval: string, key = "time_intervals") {
  const text = `
route: { receiver: a }
receivers: [{ name: a }]
${key}: [{ name: t, time_intervals: [${interval}] }]
`;
  const found = readConfig(text).timeIntervals.get("t");
  if (found === undefined) throw new Error("no such time interval");
  return (time: string) => found(Date.parse(time));
}

test.each<[string, string, boolean]>([
  ["{}", "2026-01-01T00:00:00Z", true],
  ["{ times: [{ start_time: 09:00, end_time: '17:00' }] }", "2026-01-01T08:59:59Z", false],
  ["{ times: [{ start_time: 09:00, end_time: '17:00' }] }", "2026-01-01T09:00:00Z", true],
  ["{ times: [{ start_time: 09:00, end_time: '17:00' }] }", "2026-01-01T16:59:59.999Z", true],
  ["{ times: [{ start_time: 09:00, end_time: '17:00' }] }", "2026-01-01T17:00:00Z", false],
  ["{ times: [{ start_time: 17:00, end_time: 24:00 }] }", "2026-01-01T23:59:59Z", true],
  ["{ times: [{ start_time: 17:00, end_time: 24:00 }] }", "2026-01-02T00:00:00Z", false],
  [
    "{ times: [{ start_time: 00:00, end_time: 01:00 }, { start_time: 05:00, end_time: 06:00 }] }",
    "2026-01-01T05:30:00Z",
    true,
  ],
  ["{ weekdays: [Saturday, sunday] }", "2026-11-29T12:00:00Z", true], // a Sunday
  ["{ weekdays: [Saturday, sunday] }", "2026-11-30T12:00:00Z", false],
  ["{ weekdays: ['monday:friday'] }", "2026-11-27T12:00:00Z", true], // a Friday
  ["{ weekdays: ['monday:friday'] }", "2026-11-28T12:00:00Z", false],
  ["{ weekdays: [] }", "2026-11-28T12:00:00Z", true],
  ["{ days_of_month: [1, '10:12'] }", "2026-01-01T12:00:00Z", true],
  ["{ days_of_month: [1, '10:12'] }", "2026-01-12T12:00:00Z", true],
  ["{ days_of_month: [1, '10:12'] }", "2026-01-13T12:00:00Z", false],
  ["{ days_of_month: [-1] }", "2026-02-28T12:00:00Z", true],
  ["{ days_of_month: [-1] }", "2028-02-28T12:00:00Z", false],
  ["{ days_of_month: [-1] }", "2028-02-29T12:00:00Z", true],
  ["{ days_of_month: ['-3:-1'] }", "2026-04-28T12:00:00Z", true],
  ["{ days_of_month: ['-3:-1'] }", "2026-04-27T12:00:00Z", false],
  ["{ days_of_month: ['1:31'] }", "2026-02-28T12:00:00Z", true],
  ["{ days_of_month: ['30:31'] }", "2026-02-28T12:00:00Z", false],
  ["{ days_of_month: ['-31:-28'] }", "2026-02-01T12:00:00Z", true],
  ["{ days_of_month: ['15:-1'] }", "2026-02-14T12:00:00Z", false],
  ["{ months: ['1:3', 'may:August', december] }", "2026-03-31T23:59:59Z", true],
  ["{ months: ['1:3', 'may:August', december] }", "2026-04-01T00:00:00Z", false],
  ["{ months: ['1:3', 'may:August', december] }", "2026-08-31T12:00:00Z", true],
  ["{ months: ['1:3', 'may:August', december] }", "2026-12-31T12:00:00Z", true],
  ["{ years: ['2020:2022', 2030] }", "2022-12-31T12:00:00Z", true],
  ["{ years: ['2020:2022', 2030] }", "2023-01-01T12:00:00Z", false],
  ["{ years: ['2020:2022', 2030] }", "2030-01-01T12:00:00Z", true],
  ["{ months: [1], years: [2026] }", "2027-01-01T12:00:00Z", false],
  ["{ months: [2] }, { months: [4] }", "2026-04-01T12:00:00Z", true],
])("%s at %s: %s", (interval, time, expected) => {
  expect(testOf(interval)(time)).toBe(expected);
});

test("no interval at all holds at no time", () => {
  expect(testOf("")("2026-01-01T00:00:00Z")).toBe(false);
});

test("in a place, its clock and calendar count, in summer as in winter", () => {
  const isOpen = testOf(
    "{ times: [{ start_time: 09:00, end_time: 17:00 }], weekdays: ['monday:friday'], " +
      "location: Australia/Sydney }",
  );
  // A Monday there, a Sunday in UTC; UTC+11.
  expect(isOpen("2026-01-04T21:59:59Z")).toBe(false);
  expect(isOpen("2026-01-04T22:00:00Z")).toBe(true);
  expect(isOpen("2026-01-05T06:00:00Z")).toBe(false);
  // UTC+10.
  expect(isOpen("2026-07-05T22:59:59Z")).toBe(false);
  expect(isOpen("2026-07-05T23:00:00Z")).toBe(true);
});

test("an hour that a clock shows twice counts twice, one that it leaves out not at all", () => {
  const isIn = testOf(
    "{ times: [{ start_time: 02:00, end_time: 03:00 }], location: Europe/Berlin }",
  );
  // 25 October 2026: at 03:00 it is 02:00 again.
  expect(isIn("2026-10-24T23:59:59Z")).toBe(false);
  expect(isIn("2026-10-25T00:00:00Z")).toBe(true);
  expect(isIn("2026-10-25T01:00:00Z")).toBe(true);
  expect(isIn("2026-10-25T01:59:59Z")).toBe(true);
  expect(isIn("2026-10-25T02:00:00Z")).toBe(false);
  // 29 March 2026: from 02:00 to 03:00 in one step.
  expect(isIn("2026-03-29T00:59:59Z")).toBe(false);
  expect(isIn("2026-03-29T01:00:00Z")).toBe(false);
});

test.each([
  ["{ location: UTC, times: [{ start_time: 00:00, end_time: 00:01 }] }", "2026-01-01T00:00:30Z"],
  ["{ location: Asia/Kathmandu, days_of_month: [2] }", "2026-01-01T18:15:00Z"], // UTC+5:45
  ["{ location: Asia/Shanghai, years: [2027] }", "2026-12-31T16:00:00Z"],
])("%s holds at %s", (interval, time) => {
  expect(testOf(interval)(time)).toBe(true);
});

test("Local is the zone of this machine", () => {
  const from = String(new Date("2026-01-01T12:00:00Z").getHours()).padStart(2, "0");
  const interval = `{ location: Local, times: [{ start_time: ${from}:00, end_time: '${from}:59' }] }`;
  expect(testOf(interval)("2026-01-01T12:00:00Z")).toBe(true);
});

test("the older key takes the same", () => {
  expect(testOf("{ years: [2026] }", "mute_time_intervals")("2026-01-01T00:00:00Z")).toBe(true);
});

const AT = "time_intervals[0].time_intervals[0]";

test.each([
  [
    "{ times: [{ start_time: '9:00', end_time: '10:00' }] }",
    `${AT}.times[0].start_time: Not a time`,
  ],
  ["{ times: [{ start_time: '24:01', end_time: '24:00' }] }", "start_time: Not a time of day"],
  ["{ times: [{ start_time: '10:00', end_time: '10:00' }] }", "start_time must be before end_time"],
  ["{ times: [{ start_time: '10:00' }] }", `${AT}.times[0].end_time: `],
  ["{ weekdays: [mon] }", `${AT}.weekdays[0]: Not a day of the week: "mon"`],
  ["{ weekdays: ['friday:monday'] }", "The range ends before it begins"],
  ["{ weekdays: ['monday:tuesday:friday'] }", "Not a range"],
  ["{ days_of_month: [0] }", 'Not a day of the month: "0"'],
  ["{ days_of_month: [32] }", 'Not a day of the month: "32"'],
  ["{ days_of_month: ['-31:1'] }", "The range ends before it begins"],
  ["{ days_of_month: ['31:-31'] }", "The range ends before it begins"],
  ["{ months: [13] }", 'Not a month: "13"'],
  ["{ months: [jan] }", 'Not a month: "jan"'],
  ["{ years: [then] }", 'Not a year: "then"'],
  ["{ location: Mars/Olympus }", `${AT}.location: unknown time zone "Mars/Olympus"`],
  ["{ colour: red }", `${AT}.colour: unknown key`],
])("%s is refused", (interval, message) => {
  expect(() => testOf(interval)).toThrow(`/etc/notify/routes.yaml:4: `);
  expect(() => testOf(interval)).toThrow(message);
});

test("a name is there and is used once, over both keys", () => {
  const read = (text: string) => () =>
    readConfig(`route: { receiver: a }\nreceivers: [{ name: a }]\n${text}`);
  const both = "mute_time_intervals: [{ name: t }]\ntime_intervals: [{ name: t }]";
  expect(read(both)).toThrow('4: time_intervals[0].name: time interval "t" is not unique');
  expect(read("time_intervals: [{ time_intervals: [] }]")).toThrow("missing name in time interval");
});
