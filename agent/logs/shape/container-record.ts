import { daysFromCivil } from "../../../shared/model/calendar-day.ts";
import type { StreamName, TextLine } from "./text-line.ts";

/**
 * Records in which container runtimes write lines: reads one that stands in `line`, and makes `line`
 * its text, time and stream. False: it is none, and the line is as it was.
 */
export type RecordReader = {
  /** Lines in [start, end) follow; what was decoded of earlier ones may be overwritten. */
  begin(start: number, end: number): void;
  read(line: TextLine): boolean;
  /** Whether the record read last is a part of a line that goes on in the next one of its stream. */
  readonly isPart: boolean;
  /** Whether its text has characters that the record has escaped: a search there may not find them. */
  readonly isRewritten: boolean;
};

const ZERO = 48;
const POINT = 46;
const UPPER_Z = 90;
const PLUS = 43;
const HYPHEN = 45;
const COLON = 58;
const DAY_SECONDS = 86_400;
const MICROSECONDS = 1_000_000;
const DATE_BYTES = 19;

/** RFC 3339 from `start` to `end` as Unix microseconds, further decimals cut off; null: it is none. */
export function timeUsAt(bytes: Uint8Array, start: number, end: number): number | null {
  if (end - start <= DATE_BYTES) return null;
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
  const month = twoDigits(bytes, start + 5);
  const day = twoDigits(bytes, start + 8);
  const hour = twoDigits(bytes, start + 11);
  const minute = twoDigits(bytes, start + 14);
  const second = twoDigits(bytes, start + 17);
  const isForm = bytes[start + 4] === HYPHEN && bytes[start + 13] === COLON;
  if (!isForm || !(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return null;
  if (!(hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60)) {
    return null;
  }
  let at = start + DATE_BYTES;
  let micros = 0;
  if (bytes[at] === POINT) {
    let unit = MICROSECONDS / 10;
    for (at += 1; at < end; at += 1) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      if (unit >= 1) micros += digit * unit;
      unit /= 10;
    }
  }
  const zone = zoneSeconds(bytes, at, end);
  if (zone === null) return null;
  const time = ((daysFromCivil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  return (time - zone) * MICROSECONDS + micros;
}

/** NaN where there are no two digits. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - ZERO;
  const ones = (bytes[at + 1] ?? 0) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function zoneSeconds(bytes: Uint8Array, at: number, end: number): number | null {
  const sign = bytes[at];
  if (sign === UPPER_Z) return at + 1 === end ? 0 : null;
  if ((sign !== PLUS && sign !== HYPHEN) || at + 6 !== end) return null;
  const seconds = (twoDigits(bytes, at + 1) * 60 + twoDigits(bytes, at + 4)) * 60;
  if (!(seconds < DAY_SECONDS)) return null;
  return sign === PLUS ? seconds : -seconds;
}

export function streamOf(name: string): StreamName | null {
  return name === "stdout" || name === "stderr" ? name : null;
}
