import { calendarDay, daysInMonth, daysUntil, secondOfDay } from "./calendar-day.ts";

/** Instants as RFC 3339 text, in the proleptic Gregorian calendar. */
const TIME = "([01]\\d|2[0-3]):([0-5]\\d)";
const FORM = new RegExp(
  `^(\\d{4})-(0[1-9]|1[0-2])-(\\d\\d)[Tt ]${TIME}:([0-5]\\d)(?:\\.(\\d{1,9}))?(?:[Zz]|([+-])${TIME})$`,
);

/** Go's zero time: stands for "not yet". */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** Unix milliseconds, further decimals cut off; null when the text is no such instant. */
export function parseRfc3339(text: string): number | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const part = (index: number) => Number(match[index] ?? 0);
  const date = { year: part(1), month: part(2), day: part(3) };
  if (date.day < 1 || date.day > daysInMonth(date)) return null;
  const zoneMinutes = (match[8] === "-" ? -1 : 1) * (part(9) * 60 + part(10));
  const minutes = (daysUntil(date) * 24 + part(4)) * 60 + part(5) - zoneMinutes;
  const millis = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  return (minutes * 60 + part(6)) * 1000 + millis;
}

/** In UTC; decimals only where there are some, without trailing zeros, as Go prints a time. */
export function formatRfc3339(timeMs: number): string {
  const unixS = Math.floor(timeMs / 1000);
  const { year, month, day } = calendarDay(unixS);
  const second = secondOfDay(unixS);
  const date = [String(year).padStart(4, "0"), two(month), two(day)].join("-");
  const time = [two(second / 3600), two((second / 60) % 60), two(second % 60)].join(":");
  const millis = String(timeMs - unixS * 1000).padStart(3, "0");
  const fraction = millis === "000" ? "" : `.${millis.replace(/0+$/, "")}`;
  return `${date}T${time}${fraction}Z`;
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}
