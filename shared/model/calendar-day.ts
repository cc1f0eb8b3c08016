const DAY_S = 86_400;
const ERA_DAYS = 146_097; // days of 400 years
const EPOCH_DAYS = 719_468; // days from 0000-03-01 to 1970-01-01

/** A day of the proleptic Gregorian calendar, UTC; `month` and `day` from 1. */
export type CalendarDay = { readonly year: number; readonly month: number; readonly day: number };

/**
 * The day that holds a Unix time in whole seconds. The year is counted from March, so that the
 * leap day is its last and a month's length follows from its number alone.
 */
export function calendarDay(unixS: number): CalendarDay {
  const sinceEra = Math.floor(unixS / DAY_S) + EPOCH_DAYS;
  const era = Math.floor(sinceEra / ERA_DAYS);
  const ofEra = sinceEra - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) /
      365,
  );
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const ofYear = ofEra - (365 * yearOfEra + leaps);
  const marchMonth = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

export function daysInMonth({ year, month }: CalendarDay): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

export function dayOfYear({ year, month, day }: CalendarDay): number {
  let days = day;
  for (let earlier = 1; earlier < month; earlier += 1) {
    days += daysInMonth({ year, month: earlier, day: 1 });
  }
  return days;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

/** Sunday is 0. */
export function dayOfWeek(unixS: number): number {
  const days = Math.floor(unixS / DAY_S) + 4; // 1970-01-01 was a Thursday
  return ((days % 7) + 7) % 7;
}

/** Seconds since the day began. */
export function secondOfDay(unixS: number): number {
  return unixS - Math.floor(unixS / DAY_S) * DAY_S;
}
