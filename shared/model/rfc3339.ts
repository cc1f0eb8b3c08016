import { calendarDay } from "./calendar-day.ts";

/** Instants as RFC 3339 text, in the proleptic Gregorian calendar. */
const DAY_MS = 86_400_000;
const DAY_S = 86_400;
const FORM =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Unix milliseconds, further decimals cut off; null when the text is no such instant. */
export function parseRfc3339(text: string): number | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const part = (index: number) => Number(match[index] ?? 0);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(part) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const days = daysFromCivil(year, month, day);
  const read = calendarDay(days * DAY_S); // 30 February comes back as 2 March
  if (read.year !== year || read.month !== month || read.day !== day) return null;
  if (hour > 23 || minute > 59 || second > 59 || part(9) > 23 || part(10) > 59) return null;
  const offsetMs = (match[8] === "-" ? -1 : 1) * (part(9) * 60 + part(10)) * 60_000;
  const millis = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  return days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + millis - offsetMs;
}

/** In UTC; decimals only where there are some, without trailing zeros, as Go prints a time. */
export function formatRfc3339(timeMs: number): string {
  const days = Math.floor(timeMs / DAY_MS);
  const rest = timeMs - days * DAY_MS;
  const { year, month, day } = calendarDay(days * DAY_S);
  const seconds = Math.floor(rest / 1000);
  const fraction = String(rest % 1000)
    .padStart(3, "0")
    .replace(/0+$/, "");
  const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${date}T${time}${fraction === "" ? "" : `.${fraction}`}Z`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

const ERA_DAYS = 146_097; // days of 400 years
const EPOCH_DAYS = 719_468; // days from 0000-03-01 to 1970-01-01

/** Days since 1970-01-01. The year is counted from March, so that the leap day is its last. */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * ERA_DAYS + yearOfEra * 365 + leapDays + dayOfYear - EPOCH_DAYS;
}
