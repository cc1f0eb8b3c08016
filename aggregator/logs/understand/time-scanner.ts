import { daysFromCivil } from "../../../shared/model/calendar-day.ts";
import { isDay, missingYear, yearOf } from "./calendar.ts";
import {
  COLON,
  COMMA,
  DOT,
  isDigit,
  isUpper,
  isWordCode,
  MINUS,
  PLUS,
  SLASH,
  SPACE,
  ZERO,
} from "./characters.ts";
import { WordTable } from "./word-table.ts";
import { ZONE_ABBREVIATIONS, type Zone } from "./zone.ts";

const MINUTE_US = 60e6;
const HOUR_US = 3600e6;
const DAY_US = 86_400e6;

const MONTH_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const MONTHS = new WordTable(MONTH_NAMES.map((name, i) => [name, i + 1] as const));

const [LOWER_T, LOWER_Z] = [116, 122];

/** What a time looked like, where a severity may follow that only this form has. */
export type TimeForm = "other" | "day-name-year" | "month-day" | "access";

/**
 * Reads a time at a place of a text. `timeUs`, `end` and `form` are of the last one that was found, so
 * a scanner belongs to one reader. Forms: docs/log-formats.md. Never throws; looks at 40 characters.
 */
export class TimeScanner {
  /** Unix microseconds, further decimals cut off. */
  timeUs = 0;
  /** Behind the time, its zone included. */
  end = 0;
  form: TimeForm = "other";

  readonly #zone: Zone;
  #at = 0;
  /** Since the day began, in its own zone. */
  #clockUs = 0;
  #nearUs = 0;
  #latestYear = 0;
  #latestYearEndsUs = 0;
  #latestYearBeginsUs = 0;

  /** @param zone of times that do not say theirs */
  constructor(zone: Zone) {
    this.#zone = zone;
  }

  /**
   * A time that begins with a digit at `at`.
   * @param nearUs when the line arrived: says which year is meant where none is written
   */
  findNumeric(text: string, at: number, nearUs: number): boolean {
    this.#nearUs = nearUs;
    this.form = "other";
    const length = digitsAt(text, at, 8);
    const next = text.charCodeAt(at + length);
    if (length === 4) return next === MINUS || next === SLASH ? this.#yearFirst(text, at) : false;
    if (length === 8) return (next | 32) === LOWER_T && this.#basic(text, at);
    if (length !== 1 && length !== 2) return false;
    if (next === SLASH) return this.#slashed(text, at, at + length + 1);
    if (next === MINUS) return length === 2 && this.#dashed(text, at);
    return next === SPACE && this.#dayName(text, at, at + length + 1, SPACE);
  }

  /** A time that begins with the name of a month: `Nov 30 03:14:15`, then perhaps a year. */
  findNamed(text: string, at: number, nearUs: number): boolean {
    const month = MONTHS.find(text, at, at + 3);
    if (month === null || text.charCodeAt(at + 3) !== SPACE) return false;
    this.#nearUs = nearUs;
    this.form = "other";
    let dayAt = at + 4;
    if (text.charCodeAt(dayAt) === SPACE) dayAt += 1;
    const length = digitsAt(text, dayAt, 3);
    if (length < 1 || length > 2) return false;
    const day = numberAt(text, dayAt, length);
    let next = dayAt + length;
    const hasComma = text.charCodeAt(next) === COMMA; // Nov 30, 2026 3:14:15 AM
    if (hasComma) next += 1;
    if (text.charCodeAt(next) !== SPACE) return false;
    if (digitsAt(text, next + 1, 5) === 4) {
      const year = numberAt(text, next + 1, 4);
      return (
        this.#clock(text, next + 6) && this.#halfDay(text) && this.#date(text, year, month, day)
      );
    }
    if (hasComma || !this.#clock(text, next + 1)) return false;
    const hasYear = text.charCodeAt(this.#at) === SPACE && digitsAt(text, this.#at + 1, 5) === 4;
    if (!hasYear) return this.#dateWithoutYear(text, month, day);
    const year = numberAt(text, this.#at + 1, 4);
    if (year < 1970) return this.#dateWithoutYear(text, month, day); // a number of the message
    this.#at += 5;
    return this.#date(text, year, month, day);
  }

  /** Unix time in seconds (with decimals or not), ms, µs or ns: 10, 13, 16 or 19 digits. */
  findUnix(text: string, at: number): boolean {
    const length = digitsAt(text, at, 20);
    const digitsUs = length === 10 ? 10 : 16;
    if (length !== 10 && length !== 13 && length !== 16 && length !== 19) return false;
    let timeUs = numberAt(text, at, Math.min(length, digitsUs));
    if (length === 13) timeUs *= 1000;
    this.end = at + length;
    if (length === 10) timeUs = timeUs * 1e6 + this.#fraction(text, this.end);
    if (length === 10) this.end = this.#at;
    if (isWordCode(text.charCodeAt(this.end))) return false;
    this.timeUs = timeUs;
    this.form = "other";
    return true;
  }

  /** A number of JSON: Unix time as above, or with an exponent, then in seconds. */
  findNumber(text: string, start: number, end: number): boolean {
    if (this.findUnix(text, start) && this.end === end) return true;
    if (end - start > 32) return false;
    const number = Number(text.slice(start, end));
    if (!(number >= 1e9 && number < 1e10)) return false;
    this.timeUs = Math.round(number * 1e6);
    this.end = end;
    this.form = "other";
    return true;
  }

  /** klog's `1130 03:14:15.123456`, behind the letter. */
  findKlog(text: string, at: number, nearUs: number): boolean {
    if (digitsAt(text, at, 5) !== 4 || text.charCodeAt(at + 4) !== SPACE) return false;
    if (!this.#clock(text, at + 5) || text.charCodeAt(at + 13) !== DOT) return false;
    this.#nearUs = nearUs;
    this.form = "other";
    return this.#dateWithoutYear(text, numberAt(text, at, 2), numberAt(text, at + 2, 2));
  }

  /** 2026-11-30T03:14:15, 2026-11-30 03:14:15, 2026/11/30 03:14:15 */
  #yearFirst(text: string, at: number): boolean {
    const separator = text.charCodeAt(at + 4);
    if (text.charCodeAt(at + 7) !== separator || !isPairs(text, at + 5, at + 8)) return false;
    const between = text.charCodeAt(at + 10);
    const isIso = (between | 32) === LOWER_T && separator === MINUS;
    if (!isIso && between !== SPACE) return false;
    if (!this.#clock(text, at + 11, isIso)) return false;
    return this.#date(
      text,
      numberAt(text, at, 4),
      numberAt(text, at + 5, 2),
      numberAt(text, at + 8, 2),
    );
  }

  /** ISO 8601's basic form: 20261130T031415 */
  #basic(text: string, at: number): boolean {
    const clock = at + 9;
    if (digitsAt(text, clock, 7) !== 6) return false;
    const [hour, minute] = [numberAt(text, clock, 2), numberAt(text, clock + 2, 2)];
    if (!this.#setClock(hour, minute, numberAt(text, clock + 4, 2))) return false;
    this.#clockUs += this.#fraction(text, clock + 6);
    return this.#date(
      text,
      numberAt(text, at, 4),
      numberAt(text, at + 4, 2),
      numberAt(text, at + 6, 2),
    );
  }

  /** 30/Nov/2026:03:14:15, 11/30/2026 3:14:15 AM, 26/11/30 03:14:15 */
  #slashed(text: string, at: number, second: number): boolean {
    if (digitsAt(text, second, 1) === 0) return this.#dayName(text, at, second, SLASH);
    const length = digitsAt(text, second, 3);
    const third = second + length + 1;
    if (length > 2 || text.charCodeAt(third - 1) !== SLASH) return false;
    const [a, b] = [numberAt(text, at, second - 1 - at), numberAt(text, second, length)];
    const yearLength = digitsAt(text, third, 5);
    let clockAt = third + yearLength;
    if (text.charCodeAt(clockAt) === COMMA) clockAt += 1;
    if (text.charCodeAt(clockAt) !== SPACE || !this.#clock(text, clockAt + 1)) return false;
    const c = numberAt(text, third, yearLength);
    if (yearLength === 2) return this.#date(text, 2000 + a, b, c); // Spark, log4j's yy/MM/dd
    if (yearLength !== 4 || !this.#halfDay(text)) return false;
    return a > 12 ? this.#date(text, c, b, a) : this.#date(text, c, a, b);
  }

  /** 30-Nov-2026 03:14:15, 30-11-2026 03:14:15, 11-30 03:14:15 */
  #dashed(text: string, at: number): boolean {
    const second = at + 3;
    const length = digitsAt(text, second, 3);
    if (length === 0) return this.#dayName(text, at, second, MINUS);
    if (length !== 2) return false;
    const [a, b] = [numberAt(text, at, 2), numberAt(text, second, 2)];
    const next = text.charCodeAt(second + 2);
    if (next === SPACE) {
      this.form = "month-day";
      return this.#clock(text, second + 3) && this.#dateWithoutYear(text, a, b);
    }
    if (next !== MINUS || digitsAt(text, second + 3, 5) !== 4) return false;
    const year = numberAt(text, second + 3, 4);
    if (text.charCodeAt(second + 7) !== SPACE) return false;
    return this.#clock(text, second + 8) && this.#date(text, year, b, a);
  }

  /** A day, a month's name and a year, with the same character between them. */
  #dayName(text: string, at: number, nameAt: number, separator: number): boolean {
    const month = MONTHS.find(text, nameAt, nameAt + 3);
    const yearAt = nameAt + 4;
    if (month === null || text.charCodeAt(nameAt + 3) !== separator) return false;
    if (digitsAt(text, yearAt, 5) !== 4) return false;
    const between = text.charCodeAt(yearAt + 4);
    if (between !== (separator === SLASH ? COLON : SPACE)) return false;
    if (!this.#clock(text, yearAt + 5)) return false;
    this.form = separator === SLASH ? "access" : "day-name-year";
    return this.#date(text, numberAt(text, yearAt, 4), month, numberAt(text, at, nameAt - 1 - at));
  }

  /** `3:14:15` to `03:14:15.123456789`; sets the place behind it. Seconds are there unless said. */
  #clock(text: string, at: number, areSecondsOptional = false): boolean {
    const length = digitsAt(text, at, 3);
    if (length < 1 || length > 2 || text.charCodeAt(at + length) !== COLON) return false;
    const minuteAt = at + length + 1;
    if (digitsAt(text, minuteAt, 3) !== 2) return false;
    const secondAt = minuteAt + 3;
    const hasSeconds = text.charCodeAt(minuteAt + 2) === COLON && digitsAt(text, secondAt, 3) === 2;
    if (!hasSeconds && !areSecondsOptional) return false;
    const second = hasSeconds ? numberAt(text, secondAt, 2) : 0;
    if (!this.#setClock(numberAt(text, at, length), numberAt(text, minuteAt, 2), second))
      return false;
    this.#at = hasSeconds ? secondAt + 2 : minuteAt + 2;
    if (hasSeconds) this.#clockUs += this.#fraction(text, this.#at);
    return true;
  }

  /** Second 60 is a leap second's: as in Unix time, the next minute's first. */
  #setClock(hour: number, minute: number, second: number): boolean {
    if (hour > 23 || minute > 59 || second > 60) return false;
    this.#clockUs = hour * HOUR_US + minute * MINUTE_US + second * 1e6;
    return true;
  }

  /** Microseconds of `.123` or `,123` at `at`; sets the place behind it. */
  #fraction(text: string, at: number): number {
    this.#at = at;
    const mark = text.charCodeAt(at);
    if (mark !== DOT && mark !== COMMA) return 0;
    const length = digitsAt(text, at + 1, 12);
    if (length === 0) return 0;
    this.#at = at + 1 + length;
    const kept = Math.min(length, 6);
    return numberAt(text, at + 1, kept) * 10 ** (6 - kept);
  }

  /** ` AM` and ` PM`, where there is one; false for 13:00 PM. */
  #halfDay(text: string): boolean {
    let at = this.#at;
    const space = text.charCodeAt(at);
    if (space === SPACE || space === 0x202f) at += 1; // ICU's narrow space, of Java 20 and later
    const letter = text.charCodeAt(at) | 32;
    const isHalf = (letter === 97 || letter === 112) && (text.charCodeAt(at + 1) | 32) === 109;
    if (!isHalf || isWordCode(text.charCodeAt(at + 2))) return true;
    const hour = Math.floor(this.#clockUs / HOUR_US);
    if (hour < 1 || hour > 12) return false;
    this.#clockUs += ((hour % 12) - hour + (letter === 112 ? 12 : 0)) * HOUR_US;
    this.#at = at + 2;
    return true;
  }

  /** A day's difference may be the zone's; anything later is last year's. */
  #dateWithoutYear(text: string, month: number, day: number): boolean {
    const latestUs = this.#nearUs + DAY_US;
    if (!(latestUs >= this.#latestYearBeginsUs && latestUs < this.#latestYearEndsUs)) {
      this.#latestYear = yearOf(latestUs);
      this.#latestYearBeginsUs = daysFromCivil(this.#latestYear, 1, 1) * DAY_US;
      this.#latestYearEndsUs = daysFromCivil(this.#latestYear + 1, 1, 1) * DAY_US;
    }
    const year = missingYear(month, day, latestUs, this.#latestYear);
    return year !== null && this.#date(text, year, month, day);
  }

  #date(text: string, year: number, month: number, day: number): boolean {
    if (!isDay(year, month, day)) return false;
    const localUs = daysFromCivil(year, month, day) * DAY_US + this.#clockUs;
    const written = this.#offsetMinutes(text);
    const offset = written ?? this.#zone.offsetMinutes(localUs, this.#nearUs);
    if (written === null && isDigit(text.charCodeAt(this.#at))) return false;
    this.timeUs = localUs - offset * MINUTE_US;
    this.end = this.#at;
    return true;
  }

  /** Of the zone that is written behind the time, directly or after a space; null when none is. */
  #offsetMinutes(text: string): number | null {
    const at = this.#at;
    const first = text.charCodeAt(at);
    if ((first | 32) === LOWER_Z && !isWordCode(text.charCodeAt(at + 1))) {
      this.#at = at + 1;
      return 0;
    }
    if (first === PLUS || first === MINUS) return this.#numericOffset(text, at, 2);
    if (first !== SPACE) return null;
    const second = text.charCodeAt(at + 1);
    if (second === PLUS || second === MINUS) return this.#numericOffset(text, at + 1, 4);
    if (second < 65 || second > 90) return null;
    let end = at + 2;
    while (end < at + 7 && isUpper(text.charCodeAt(end))) end += 1;
    if (end === at + 2 || isWordCode(text.charCodeAt(end))) return null;
    const offset = ZONE_ABBREVIATIONS.find(text, at + 1, end);
    if (offset !== null) this.#at = end;
    return offset;
  }

  /** `+02:00`, `+0200`, or `+02` where two digits will do. */
  #numericOffset(text: string, at: number, digitsMin: number): number | null {
    const length = digitsAt(text, at + 1, 5);
    const hasColon = length === 2 && text.charCodeAt(at + 3) === COLON;
    const minutesAt = hasColon ? at + 4 : at + 3;
    const hasMinutes = hasColon ? digitsAt(text, minutesAt, 3) === 2 : length === 4;
    if (!hasMinutes && (length !== 2 || hasColon || digitsMin > 2)) return null;
    const hours = numberAt(text, at + 1, 2);
    const minutes = hasMinutes ? numberAt(text, minutesAt, 2) : 0;
    const end = hasMinutes ? minutesAt + 2 : at + 3;
    if (hours > 14 || minutes > 59 || isWordCode(text.charCodeAt(end))) return null;
    this.#at = end;
    const offset = hours * 60 + minutes;
    return text.charCodeAt(at) === MINUS ? -offset : offset;
  }
}

/** How many digits there are from `at` on, counted up to `max`. */
function digitsAt(text: string, at: number, max: number): number {
  let count = 0;
  while (count < max && isDigit(text.charCodeAt(at + count))) count += 1;
  return count;
}

/** The number that `length` digits make: 16 at most stay exact. */
function numberAt(text: string, at: number, length: number): number {
  let number = 0;
  for (let i = at; i < at + length; i += 1) number = number * 10 + text.charCodeAt(i) - ZERO;
  return number;
}

function isPairs(text: string, first: number, second: number): boolean {
  return digitsAt(text, first, 3) === 2 && digitsAt(text, second, 3) === 2;
}
