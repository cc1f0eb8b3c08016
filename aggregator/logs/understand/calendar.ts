import { daysFromCivil, daysInMonth } from "../../../shared/model/calendar-day.ts";

const DAY_US = 86_400e6;

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
