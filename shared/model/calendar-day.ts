const DAY_S = 86_400;
/** The calendar, days of the week too, comes again after 400 years. */
const CYCLE_YEARS = 400;
const CYCLE_S = 146_097 * DAY_S;

/** A day of the proleptic Gregorian calendar, UTC; `month` and `day` from 1. */
export type CalendarDay = { readonly year: number; readonly month: number; readonly day: number };

/** The day that holds a Unix time in whole seconds, however far it is from what a date can be. */
export function calendarDay(unixS: number): CalendarDay {
  const cycles = Math.floor(unixS / CYCLE_S);
  // biome-ignore lint/style/noRestrictedGlobals: a conversion, reads no clock
  const date = new Date((unixS - cycles * CYCLE_S) * 1000);
  const year = date.getUTCFullYear() + cycles * CYCLE_YEARS;
  return { year, month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar; `month` and `day` from 1. */
export function daysFromCivil(year: number, month: number, day: number): number {
  // Years from March on, so that the day that a leap year has more is the last one.
  const y = month <= 2 ? year - 1 : year;
  const m = month <= 2 ? month + 9 : month - 3;
  const leaps = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leaps + Math.floor((m * 153 + 2) / 5) + day - 1 - 719_468;
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
  return ((unixS % DAY_S) + DAY_S) % DAY_S; // exact for whole seconds of any size
}
