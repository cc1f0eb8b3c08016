/**
 * Times as Go's package time writes and reads them, by a layout that is the reference time in the
 * wanted form: `Mon Jan 2 15:04:05 MST 2006`. Source: pkg.go.dev/time, "Constants".
 */
import {
  calendarDay,
  dayOfWeek,
  dayOfYear,
  daysInMonth,
  secondOfDay,
} from "../../shared/model/calendar-day.ts";

/** An instant, and the place from where it is looked at. */
export type GoTime = {
  /** Unix microseconds, which may have a fraction. */
  readonly timeUs: number;
  readonly zone: GoZone;
};

export type GoZone = {
  /** Minutes east of UTC at an instant. */
  offsetMinutes(unixS: number): number;
  /** `UTC`, `CET`, or such as `+0530` where there is no name. */
  nameAt(unixS: number): string;
};

export const UTC: GoZone = { offsetMinutes: () => 0, nameAt: () => "UTC" };

/** A zone by its IANA name; null: there is none of the name. */
export function goZone(name: string): GoZone | null {
  if (name === "" || name === "UTC" || name === "Local") return UTC;
  try {
    const offsets = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      timeZoneName: "longOffset",
    });
    const names = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "short" });
    const part = (format: Intl.DateTimeFormat, unixS: number) =>
      format.formatToParts(unixS * 1000).find(({ type }) => type === "timeZoneName")?.value ?? "";
    const offsetMinutes = (unixS: number) => offsetOf(part(offsets, unixS));
    return {
      offsetMinutes,
      nameAt: (unixS) => {
        const short = part(names, unixS);
        return /^GMT[+-]/.test(short) ? offsetText(offsetMinutes(unixS), "") : short;
      },
    };
  } catch {
    return null; // Intl knows no such zone
  }
}

/** Minutes of such as `GMT+05:30`. */
function offsetOf(text: string): number {
  const [, sign = "+", hours = "0", minutes = "0"] = /([+-])(\d+):?(\d+)?/.exec(text) ?? [];
  return (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
}

function fixedZone(minutes: number): GoZone {
  return { offsetMinutes: () => minutes, nameAt: () => offsetText(minutes, "") };
}

const CHUNK = new RegExp(
  [
    "January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|3|4|5|PM|pm",
    "-07:00:00|-07:00|-070000|-0700|-07|Z07:00:00|Z07:00|Z070000|Z0700|Z07",
    String.raw`[.,](?:0+|9+)(?!\d)`,
  ].join("|"),
  "g",
);

const MONTHS =
  "January February March April May June July August September October November December".split(
    " ",
  );
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

type Parts = {
  readonly year: number;
  readonly month: number; // from 1
  readonly day: number;
  readonly yearDay: number;
  readonly weekDay: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** Nine digits. */
  readonly fraction: string;
  readonly offset: number;
  readonly zone: string;
};

export function formatGoTime(time: GoTime, layout: string): string {
  const parts = partsOf(time);
  return layout.replace(CHUNK, (chunk) => chunkText(chunk, parts));
}

/** As an action prints it. */
export function goTimeText(time: GoTime): string {
  return formatGoTime(time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

function partsOf({ timeUs, zone }: GoTime): Parts {
  const unixS = Math.floor(timeUs / 1e6);
  const offset = zone.offsetMinutes(unixS);
  const localS = unixS + offset * 60;
  const day = calendarDay(localS);
  const second = secondOfDay(localS);
  const nanos = Math.round((timeUs - unixS * 1e6) * 1000);
  return {
    ...day,
    yearDay: dayOfYear(day),
    weekDay: dayOfWeek(localS),
    hour: Math.floor(second / 3600),
    minute: Math.floor(second / 60) % 60,
    second: second % 60,
    fraction: String(Math.min(nanos, 999_999_999)).padStart(9, "0"),
    offset,
    zone: zone.nameAt(unixS),
  };
}

const two = (number: number) => String(number).padStart(2, "0");

const TEXTS: Readonly<Record<string, (parts: Parts) => string>> = {
  January: ({ month }) => MONTHS[month - 1] ?? "",
  Jan: ({ month }) => MONTHS[month - 1]?.slice(0, 3) ?? "",
  Monday: ({ weekDay }) => DAYS[weekDay] ?? "",
  Mon: ({ weekDay }) => DAYS[weekDay]?.slice(0, 3) ?? "",
  MST: ({ zone }) => zone,
  "002": ({ yearDay }) => String(yearDay).padStart(3, "0"),
  __2: ({ yearDay }) => String(yearDay).padStart(3),
  "2006": ({ year }) => String(year).padStart(4, "0"),
  "06": ({ year }) => two(year % 100),
  "01": ({ month }) => two(month),
  "1": ({ month }) => String(month),
  "02": ({ day }) => two(day),
  _2: ({ day }) => String(day).padStart(2),
  "2": ({ day }) => String(day),
  "15": ({ hour }) => two(hour),
  "03": ({ hour }) => two(hour % 12 || 12),
  "3": ({ hour }) => String(hour % 12 || 12),
  "04": ({ minute }) => two(minute),
  "4": ({ minute }) => String(minute),
  "05": ({ second }) => two(second),
  "5": ({ second }) => String(second),
  PM: ({ hour }) => (hour < 12 ? "AM" : "PM"),
  pm: ({ hour }) => (hour < 12 ? "am" : "pm"),
};

function chunkText(chunk: string, parts: Parts): string {
  const known = TEXTS[chunk];
  if (known !== undefined) return known(parts);
  if (/^[.,]/.test(chunk)) return fractionText(chunk, parts.fraction);
  return zoneText(chunk, parts.offset);
}

/** `.000` has so many digits, `.999` no zeros at its end. */
function fractionText(chunk: string, fraction: string): string {
  const digits = fraction.slice(0, chunk.length - 1).padEnd(chunk.length - 1, "0");
  if (chunk[1] === "0") return chunk[0] + digits;
  const short = digits.replace(/0+$/, "");
  return short === "" ? "" : chunk[0] + short;
}

function zoneText(chunk: string, offset: number): string {
  if (chunk.startsWith("Z") && offset === 0) return "Z";
  if (chunk.endsWith("00:00")) return `${offsetText(offset, ":")}:00`;
  if (chunk.endsWith("0000")) return `${offsetText(offset, "")}00`;
  if (chunk.endsWith("07")) return offsetText(offset, "").slice(0, 3);
  return offsetText(offset, chunk.includes(":") ? ":" : "");
}

function offsetText(minutes: number, separator: string): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${separator}${two(size % 60)}`;
}

/** What a chunk stands for in a text that is read. */
const FORMS: Readonly<Record<string, string>> = {
  January: `(?<monthName>${MONTHS.join("|")})`,
  Jan: `(?<monthShort>${MONTHS.map((name) => name.slice(0, 3)).join("|")})`,
  Monday: `(?:${DAYS.join("|")})`,
  Mon: `(?:${DAYS.map((name) => name.slice(0, 3)).join("|")})`,
  MST: "(?<zoneName>[A-Z]{3,5}|[+-]\\d{2,4})",
  "002": "(?<yearDay>\\d{3})",
  __2: " {0,2}(?<yearDay>\\d{1,3})",
  "2006": "(?<year>\\d{4})",
  "06": "(?<yearShort>\\d\\d)",
  "01": "(?<month>\\d\\d)",
  "1": "(?<month>\\d\\d?)",
  "02": "(?<day>\\d\\d)",
  _2: " ?(?<day>\\d\\d?)",
  "2": "(?<day>\\d\\d?)",
  "15": "(?<hour>\\d\\d)",
  "03": "(?<hour>\\d\\d)",
  "3": "(?<hour>\\d\\d?)",
  "04": "(?<minute>\\d\\d)",
  "4": "(?<minute>\\d\\d?)",
  "05": "(?<second>\\d\\d)(?<decimals>[.,]\\d{1,9})?", // a fraction need not be in the layout
  "5": "(?<second>\\d\\d?)(?<decimals>[.,]\\d{1,9})?",
  PM: "(?<half>AM|PM)",
  pm: "(?<half>am|pm)",
};

/** Null: the text does not have the form of the layout, or names what no calendar has. */
export function parseGoTime(layout: string, text: string, zone: GoZone): GoTime | null {
  const form = formOf(layout);
  const found = form?.exec(text)?.groups;
  if (found === undefined) return null;
  const number = (name: string, otherwise: number) => {
    const digits = found[name];
    return digits === undefined ? otherwise : Number(digits);
  };
  const day = dayOf(found, number);
  const hour = hourOf(number("hour", 0), found["half"]);
  const [minute, second] = [number("minute", 0), number("second", 0)];
  if (day === null || hour === null || minute > 59 || second > 59) return null;
  const decimals = (found["decimals"] ?? "").slice(1);
  const fractionUs = decimals === "" ? 0 : Number(`0.${decimals}`) * 1e6;
  const localS = day * 86_400 + hour * 3600 + minute * 60 + second;
  const own = ownZone(found, zone);
  const guess = own.offsetMinutes(localS);
  const offset = own.offsetMinutes(localS - guess * 60);
  return { timeUs: (localS - offset * 60) * 1e6 + fractionUs, zone: own };
}

const LAYOUT_LENGTH_MAX = 200;

/** Null: the layout is too long, or names something twice. */
function formOf(layout: string): RegExp | null {
  if (layout.length > LAYOUT_LENGTH_MAX) return null;
  let form = "";
  let from = 0;
  for (const { 0: chunk, index } of layout.matchAll(CHUNK)) {
    form += literalForm(layout.slice(from, index));
    from = index + chunk.length;
    if (/^[.,]/.test(chunk)) continue; // read with the seconds
    form += FORMS[chunk] ?? `(?<offset>${chunk.startsWith("Z") ? "Z|" : ""}[+-][\\d:]{2,8})`;
  }
  try {
    return new RegExp(`^${form}${literalForm(layout.slice(from))}$`, "u");
  } catch {
    return null; // a group of a name that is there already
  }
}

function literalForm(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

type Found = Readonly<Record<string, string | undefined>>;

/** Days since 1970; null: there is no such day. */
function dayOf(found: Found, number: (name: string, otherwise: number) => number): number | null {
  const short = number("yearShort", -1);
  const year = short < 0 ? number("year", 0) : short + (short < 69 ? 2000 : 1900);
  const named = found["monthName"] ?? found["monthShort"];
  const month =
    named === undefined ? number("month", 1) : MONTHS.findIndex((one) => one.startsWith(named)) + 1;
  const day = number("day", 1);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth({ year, month, day: 1 })) return null;
  const yearDay = number("yearDay", 0);
  const inYear = yearDay > 0 ? yearDay : dayOfYear({ year, month, day });
  return daysBefore(year) + inYear - 1;
}

/** Days from 1970 to the first of a year. */
function daysBefore(year: number): number {
  const last = year - 1;
  const leaps = Math.floor(last / 4) - Math.floor(last / 100) + Math.floor(last / 400);
  return (year - 1970) * 365 + leaps - 477;
}

/** Null: no clock shows it. */
function hourOf(hour: number, half: string | undefined): number | null {
  if (half === undefined) return hour < 24 ? hour : null;
  if (hour > 12) return null;
  return (hour % 12) + (half.toLowerCase() === "pm" ? 12 : 0);
}

function ownZone(found: Found, zone: GoZone): GoZone {
  const offset = found["offset"];
  if (offset === "Z") return UTC;
  if (offset !== undefined) {
    const [, sign = "+", hours = "0", minutes = "0"] = /([+-])(\d\d):?(\d\d)?/.exec(offset) ?? [];
    return fixedZone((Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1));
  }
  return found["zoneName"] === "UTC" ? UTC : zone;
}
