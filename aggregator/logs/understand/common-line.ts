import { type AccessLine, durationOfWord, requestOf } from "./access-line.ts";
import {
  BACKSLASH,
  COLON,
  isDigit,
  isLetter,
  isUpper,
  MINUS,
  OPEN_SQUARE,
  PLUS,
  QUOTE,
  SLASH,
  SPACE,
  ZERO,
} from "./characters.ts";

/** From `[` to `]` of a time such as `[30/Nov/2026:03:14:15 +0000]`. */
const TIME_LENGTH = 27;
const LENGTH_MAX = 4096;
const PARTS_MAX = 30;
const DIGITS_AT = [1, 2, 8, 9, 10, 11, 13, 14, 16, 17, 19, 20, 23, 24, 25, 26];

/**
 * The request of a line of the common or combined format in its usual shape, as `parseAccessLine` finds
 * it, in a fraction of the time: no list, spread or closure. Null where the line has any other shape: it is for that function.
 * @param bracketAt where `] "` stands first
 */
export function commonRequest(text: string, bracketAt: number): AccessLine | null {
  const open = bracketAt - TIME_LENGTH;
  if (open < 5 || text.length > LENGTH_MAX || !isTime(text, open)) return null;
  const first = text.indexOf(" ");
  if (!isAddressAndUser(text, first, open - 1)) return null;
  const requestAt = bracketAt + 3;
  const requestEnd = text.indexOf('"', requestAt);
  const statusAt = requestEnd + 2;
  if (requestEnd < 0 || text.charCodeAt(requestEnd - 1) === BACKSLASH) return null;
  if (text.charCodeAt(requestEnd + 1) !== SPACE || !isStatusAt(text, statusAt)) return null;
  const bytesAt = statusAt + 4;
  const bytesEnd = wordEnd(text, bytesAt);
  const bytes = digitsOf(text, bytesAt, bytesEnd);
  if (bytes === null && text.slice(bytesAt, bytesEnd) !== "-") return null;
  const durationS = durationBehind(text, bytesEnd);
  if (durationS === undefined) return null;
  const { method, path, protocol } = requestOf(text.slice(requestAt, requestEnd));
  return {
    method,
    path,
    protocol,
    status: digitsOf(text, statusAt, statusAt + 3) ?? 0,
    bytes,
    durationS,
    remoteAddr: text.slice(0, first),
  };
}

function isTime(text: string, open: number): boolean {
  for (let i = 0; i < DIGITS_AT.length; i += 1) {
    if (!isDigit(text.charCodeAt(open + (DIGITS_AT[i] ?? 0)))) return false;
  }
  const sign = text.charCodeAt(open + 22);
  return (
    text.charCodeAt(open - 1) === SPACE &&
    text.charCodeAt(open) === OPEN_SQUARE &&
    text.charCodeAt(open + 3) === SLASH &&
    isMonth(text, open + 4) &&
    text.charCodeAt(open + 7) === SLASH &&
    text.charCodeAt(open + 12) === COLON &&
    text.charCodeAt(open + 15) === COLON &&
    text.charCodeAt(open + 18) === COLON &&
    text.charCodeAt(open + 21) === SPACE &&
    (sign === PLUS || sign === MINUS) &&
    text.indexOf("[") === open
  );
}

function isMonth(text: string, at: number): boolean {
  const isFirst = isUpper(text.charCodeAt(at));
  return isFirst && isLower(text.charCodeAt(at + 1)) && isLower(text.charCodeAt(at + 2));
}

function isLower(code: number): boolean {
  return isLetter(code) && !isUpper(code);
}

/** `ADDR - USER`: three words, no host before them. */
function isAddressAndUser(text: string, first: number, end: number): boolean {
  if (first < 1 || text.charCodeAt(first + 1) !== MINUS) return false;
  if (text.charCodeAt(first + 2) !== SPACE || first + 3 >= end) return false;
  const third = text.indexOf(" ", first + 3);
  return third === end;
}

/** 100 to 599, with a blank behind it. */
function isStatusAt(text: string, at: number): boolean {
  const hundreds = text.charCodeAt(at) - ZERO;
  return (
    hundreds >= 1 &&
    hundreds <= 5 &&
    isDigit(text.charCodeAt(at + 1)) &&
    isDigit(text.charCodeAt(at + 2)) &&
    text.charCodeAt(at + 3) === SPACE
  );
}

/** Null where there is anything else, or too much to be exact. */
function digitsOf(text: string, start: number, end: number): number | null {
  if (end <= start || end - start > 15) return null;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (!isDigit(code)) return null;
    value = value * 10 + code - ZERO;
  }
  return value;
}

function wordEnd(text: string, start: number): number {
  const space = text.indexOf(" ", start);
  return space < 0 ? text.length : space;
}

/** Of the words behind the bytes; null: none says it; undefined: this is not for here. */
function durationBehind(text: string, start: number): number | null | undefined {
  let at = start;
  for (let part = 0; at < text.length; part += 1) {
    if (part === PARTS_MAX || text.charCodeAt(at) !== SPACE) return undefined;
    at += 1;
    if (text.charCodeAt(at) === QUOTE) {
      const end = text.indexOf('"', at + 1);
      if (end < 0 || text.charCodeAt(end - 1) === BACKSLASH) return undefined;
      at = end + 1;
      continue;
    }
    const end = wordEnd(text, at);
    const durationS = durationOfWord(text.slice(at, end));
    if (durationS !== null) return durationS;
    at = end;
  }
  return null;
}
