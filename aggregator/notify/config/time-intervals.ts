/** `time_intervals` of a routing file. Source: prometheus.io/docs, Alertmanager, "Configuration". */

import { z } from "zod";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import { daysInMonth } from "../../../shared/model/calendar-day.ts";
import type { TimeTest } from "../routing.ts";
import { checkZone, type LocalTime, localTime } from "./local-time.ts";
import type { Report } from "./report.ts";

/** Both ends are inclusive. */
type Range = { readonly first: number; readonly last: number };

const WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday".split(" ");
const MONTHS =
  "january february march april may june july august september october november december".split(
    " ",
  );
const DAYS_MAX = 31;
const UTC = "UTC";

/** A text that `parse` reads; what it throws is the text's fault. */
function parsed<T>(parse: (text: string) => T) {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      context.addIssue({ code: "custom", message: errorMessage(error) });
      return z.NEVER;
    }
  });
}

/** `A` or `A:B`. */
function ranges(parsePart: (text: string) => number, check = ascends) {
  const range = parsed((text) => {
    const [first = "", last = first, ...others] = text.split(":").map((part) => part.trim());
    if (others.length > 0) throw new OperationalError("PARSE", `Not a range: "${text}"`);
    const found = { first: parsePart(first), last: parsePart(last) };
    if (!check(found))
      throw new OperationalError("PARSE", `The range ends before it begins: ${text}`);
    return found;
  });
  return z.array(range).nullish();
}

function ascends({ first, last }: Range): boolean {
  return first <= last;
}

/** In a month as long as they get; a range that goes from the month's end to its begin is none. */
function daysAscend({ first, last }: Range): boolean {
  return dayOf(first, DAYS_MAX) <= dayOf(last, DAYS_MAX) && !(first < 0 && last > 0);
}

function dayOf(day: number, dayCount: number): number {
  return day < 0 ? dayCount + day + 1 : day;
}

function parseWeekday(text: string): number {
  const weekday = WEEKDAYS.indexOf(text.toLowerCase());
  if (weekday < 0) throw new OperationalError("PARSE", `Not a day of the week: "${text}"`);
  return weekday;
}

function parseDay(text: string): number {
  const day = /^-?\d{1,2}$/.test(text) ? Number(text) : 0;
  if (day === 0 || Math.abs(day) > DAYS_MAX) {
    throw new OperationalError("PARSE", `Not a day of the month: "${text}"`);
  }
  return day;
}

function parseMonth(text: string): number {
  const month =
    MONTHS.indexOf(text.toLowerCase()) + 1 || (/^\d{1,2}$/.test(text) ? Number(text) : 0);
  if (month < 1 || month > 12) throw new OperationalError("PARSE", `Not a month: "${text}"`);
  return month;
}

function parseYear(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new OperationalError("PARSE", `Not a year: "${text}"`);
}

function parseMinute(text: string): number {
  const [, hour, minute] = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(text) ?? [];
  if (hour !== undefined) return Number(hour) * 60 + Number(minute);
  if (text === "24:00") return 24 * 60;
  throw new OperationalError("PARSE", `Not a time of day: "${text}" (write it as 09:30)`);
}

const minute = parsed(parseMinute);

const times = z
  .array(
    z
      .strictObject({ start_time: minute, end_time: minute })
      .refine((one) => one.start_time < one.end_time, "start_time must be before end_time")
      .transform((one): Range => ({ first: one.start_time, last: one.end_time - 1 })),
  )
  .nullish();

const interval = z.strictObject({
  times,
  weekdays: ranges(parseWeekday),
  days_of_month: ranges(parseDay, daysAscend),
  months: ranges(parseMonth),
  years: ranges(parseYear),
  location: parsed((zone) => {
    checkZone(zone);
    return zone;
  }).nullish(),
});

type Interval = z.infer<typeof interval>;

/** Numbers in it must have been left as texts. */
export const timeIntervalsSchema = z
  .array(
    z.strictObject({ name: z.string().nullish(), time_intervals: z.array(interval).nullish() }),
  )
  .nullish();

type RawTimeIntervals = z.infer<typeof timeIntervalsSchema>;

/** Adds those of one list to `tests`. @param noun what Alertmanager calls one of the list */
export function readTimeIntervals(
  raw: RawTimeIntervals,
  noun: string,
  tests: Map<string, TimeTest>,
  report: Report,
): void {
  for (const [i, { name, time_intervals: intervals }] of (raw ?? []).entries()) {
    const path = [i, "name"];
    if (name === undefined || name === null || name === "") {
      report(path, `missing name in ${noun}`);
      continue;
    }
    if (tests.has(name)) report(path, `${noun} "${name}" is not unique`);
    tests.set(name, timeTest(intervals ?? []));
  }
}

function timeTest(intervals: readonly Interval[]): TimeTest {
  return (timeMs) => intervals.some((one) => isWithin(one, localTime(timeMs, one.location ?? UTC)));
}

function isWithin(interval: Interval, time: LocalTime): boolean {
  return (
    holds(interval.times, time.minuteOfDay) &&
    holds(interval.weekdays, time.weekday) &&
    holds(daysOf(interval.days_of_month, daysInMonth(time)), time.day) &&
    holds(interval.months, time.month) &&
    holds(interval.years, time.year)
  );
}

/** Days counted from the end become days of this month. */
function daysOf(days: readonly Range[] | null | undefined, dayCount: number): readonly Range[] {
  return (days ?? []).map(({ first, last }) => {
    return { first: dayOf(first, dayCount), last: dayOf(last, dayCount) };
  });
}

/** No ranges: every value will do. */
function holds(ranges: readonly Range[] | null | undefined, value: number): boolean {
  if (ranges === null || ranges === undefined || ranges.length === 0) return true;
  return ranges.some(({ first, last }) => value >= first && value <= last);
}
