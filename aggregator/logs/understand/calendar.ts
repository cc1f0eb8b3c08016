import { daysInMonth } from "../../../shared/model/calendar-day.ts";

const DAY_US = 86_400e6;

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar; `month` and `day` from 1. */
export function daysFromCivil(year: number, month: number, day: number): number {
  // Years from March on, so that the day that a leap year has more is the last one.
  const y = month <= 2 ? year - 1 : year;
  const m = month <= 2 ? month + 9 : month - 3;
  const leaps = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leaps + Math.floor((m * 153 + 2) / 5) + day - 1 - 719_468;
}

export function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || year < 1) return false;
  return day <= 28 || day <= daysInMonth({ year, month, day: 1 });
}

export function yearOf(timeUs: number): number {
  const days = Math.floor(timeUs / DAY_US);
  const year = 1970 + Math.floor(days / 365.2425);
  if (days < daysFromCivil(year, 1, 1)) return year - 1;
  return days >= daysFromCivil(year + 1, 1, 1) ? year + 1 : year;
}

/**
 * The year of a date that does not say it, such as syslog's: the latest in which the day is there and
 * does not come after `latestUs`. Null for 30 February.
 */
export function missingYear(
  month: number,
  day: number,
  latestUs: number,
  latestYear: number,
): number | null {
  // A 29 February is at most 8 years away from the next one, in 1904 or 2096.
  for (let year = latestYear; year >= latestYear - 8; year -= 1) {
    if (isDay(year, month, day) && daysFromCivil(year, month, day) * DAY_US <= latestUs) {
      return year;
    }
  }
  return null;
}
