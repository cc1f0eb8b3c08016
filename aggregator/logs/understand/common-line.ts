import { type ByteSpan, spanOf, spanText } from "../../../shared/model/byte-span.ts";
import type { AccessLine } from "./access-line.ts";

// Here, not of characters.ts: V8 keeps what another module exports out of its code.
const SPACE = 32;
const QUOTE = 34;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const OPEN_SQUARE = 91;
const BACKSLASH = 92;
const CLOSE_SQUARE = 93;
const UNDERSCORE = 95;
const OPEN = 123;
const LETTER_M = 109;
const LETTER_R = 114;
const LETTER_S = 115;

/** From `[` to before `] "` of a time such as `[30/Nov/2026:03:14:15 +0000]`. */
const TIME_LENGTH = 27;
const LENGTH_MAX = 4096;
const METHOD_MAX = 20;
const PARTS_MAX = 30;
const HTTP = Buffer.from("HTTP/");
/** What may stand before nginx' `$request_time`. */
const DURATION_KEYS = ["rt=", "request_time=", "req_time="].map((key) => Buffer.from(key));
/** `\d{1,12}ms`, and each part of `\d{1,9}\.\d{1,9}`. */
const MS_LENGTH_MAX = 14;
const SECONDS_DIGITS_MAX = 9;
const POWERS_OF_TEN = Float64Array.from({ length: SECONDS_DIGITS_MAX + 1 }, (_, i) => 10 ** i);
/** A number of more digits may not be exact. */
const DIGITS_MAX = 15;
const NONE = -1;
/** The line does not say how long it took. */
export const NO_DURATION = -1;

/**
 * Reads lines of the common or combined format in their usual shape, as `parseAccessLine` does, in a
 * fraction of the time: it makes nothing, but holds what it found in the last line.
 */
export class CommonLine {
  /** Of the method and the path, places in the bytes of the line; the path ends before a blank. */
  methodAt = 0;
  methodEnd = 0;
  pathAt = 0;
  pathEnd = 0;
  status = 0;
  /** Of the answer; -1: the line does not say. */
  bodyBytes = NONE;
  /** Seconds, or NO_DURATION. */
  durationS = NO_DURATION;

  /** False where the line has any other shape: it is for `detectAccess`. */
  read(line: ByteSpan): boolean {
    const { bytes, start, end } = line;
    if (end - start > LENGTH_MAX) return false;
    const requestAt = requestStart(bytes, start, end);
    if (requestAt < 0) return false;
    const statusAt = this.#readRequest(bytes, requestAt, end);
    if (statusAt < 0 || !isStatusAt(bytes, statusAt)) return false;
    this.status = numberOf(bytes, statusAt, statusAt + 3);
    const bytesAt = statusAt + 4;
    const bytesEnd = wordEnd(bytes, bytesAt, end);
    this.bodyBytes = numberOf(bytes, bytesAt, bytesEnd);
    const isDash = bytesEnd === bytesAt + 1 && bytes[bytesAt] === MINUS;
    if (this.bodyBytes < 0 && !isDash) return false;
    return this.#readDuration(bytes, bytesEnd, end);
  }

  /** `GET /a HTTP/1.1" `. @returns the place behind it; -1: it is not for here */
  #readRequest(bytes: Uint8Array, start: number, end: number): number {
    const methodEnd = methodEndOf(bytes, start, end);
    if (methodEnd === start || bytes[methodEnd] !== SPACE) return NONE;
    let at = methodEnd + 1;
    while (at < end && bytes[at] !== SPACE && bytes[at] !== QUOTE) at += 1;
    const pathEnd = at;
    at = protocolEnd(bytes, pathEnd, end);
    if (at < 0 || bytes[at] !== QUOTE || bytes[at + 1] !== SPACE) return NONE;
    this.methodAt = start;
    this.methodEnd = methodEnd;
    this.pathAt = methodEnd + 1;
    this.pathEnd = pathEnd;
    return at + 2;
  }

  /** Of the words behind the bytes. False: this is not for here. */
  #readDuration(bytes: Uint8Array, start: number, end: number): boolean {
    this.durationS = NO_DURATION;
    let at = start;
    for (let part = 0; at < end; part += 1) {
      if (part === PARTS_MAX || bytes[at] !== SPACE) return false;
      at += 1;
      if (bytes[at] === QUOTE && at < end) {
        at = quoteEnd(bytes, at + 1, end);
        if (at < 0) return false;
        continue;
      }
      const word = at;
      at = wordEnd(bytes, word, end);
      this.durationS = durationOf(bytes, word, at);
      if (this.durationS >= 0) return true;
    }
    return true;
  }
}

/** The request of such a line; null where it has any other shape. */
export function commonRequest(text: string): AccessLine | null {
  if (text.length > LENGTH_MAX) return null;
  const line = spanOf(text);
  const common = new CommonLine();
  if (!common.read(line)) return null;
  const { methodAt, methodEnd, pathAt, pathEnd, status, bodyBytes, durationS } = common;
  return {
    method: spanText(line, methodAt, methodEnd),
    path: spanText(line, pathAt, pathEnd),
    protocol: spanText(line, pathEnd + 1, line.bytes.indexOf(QUOTE, pathEnd)),
    status,
    bytes: bodyBytes < 0 ? null : bodyBytes,
    durationS: durationS < 0 ? null : durationS,
    remoteAddr: text.slice(0, text.indexOf(" ")),
  };
}

/** Behind `ADDR - USER [TIME] "`, in which no other square bracket opens; -1: it does not begin so. */
function requestStart(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] === OPEN) return NONE; // JSON
  const first = plainWordEnd(bytes, start, end);
  if (first === start || bytes[first + 1] !== MINUS || bytes[first + 2] !== SPACE) return NONE;
  const third = plainWordEnd(bytes, first + 3, end);
  if (third === first + 3) return NONE;
  const open = third + 1;
  const close = open + TIME_LENGTH;
  if (close + 2 >= end || bytes[third] !== SPACE || !isTime(bytes, open)) return NONE;
  if (bytes[close] !== CLOSE_SQUARE || bytes[close + 1] !== SPACE) return NONE;
  return bytes[close + 2] === QUOTE ? close + 3 : NONE;
}

/** Up to a blank, or a square bracket that opens. */
function plainWordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== SPACE && bytes[at] !== OPEN_SQUARE) at += 1;
  return at;
}

function isTime(bytes: Uint8Array, open: number): boolean {
  const sign = bytes[open + 22];
  return (
    bytes[open] === OPEN_SQUARE &&
    areTwoDigits(bytes, open + 1) &&
    bytes[open + 3] === SLASH &&
    isMonth(bytes, open + 4) &&
    bytes[open + 7] === SLASH &&
    areTwoDigits(bytes, open + 8) &&
    areTwoDigits(bytes, open + 10) &&
    bytes[open + 12] === COLON &&
    areTwoDigits(bytes, open + 13) &&
    bytes[open + 15] === COLON &&
    areTwoDigits(bytes, open + 16) &&
    bytes[open + 18] === COLON &&
    areTwoDigits(bytes, open + 19) &&
    bytes[open + 21] === SPACE &&
    (sign === PLUS || sign === MINUS) &&
    areTwoDigits(bytes, open + 23) &&
    areTwoDigits(bytes, open + 25)
  );
}

function areTwoDigits(bytes: Uint8Array, at: number): boolean {
  return isDigit(bytes[at] as number) && isDigit(bytes[at + 1] as number);
}

function isMonth(bytes: Uint8Array, at: number): boolean {
  const isFirst = isUpper(bytes[at] as number);
  return isFirst && isLower(bytes[at + 1] as number) && isLower(bytes[at + 2] as number);
}

/** Of ASCII. */
function isLower(code: number): boolean {
  return code >= 97 && code <= 122;
}

function methodEndOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && at - start <= METHOD_MAX && isMethodByte(bytes[at] as number)) at += 1;
  return at;
}

function isMethodByte(code: number): boolean {
  return isLetter(code) || code === UNDERSCORE || code === MINUS;
}

/** Behind ` HTTP/1.1`; -1: it is not there. */
function protocolEnd(bytes: Uint8Array, start: number, end: number): number {
  const major = start + 1 + HTTP.length;
  if (major + 3 >= end || bytes[start] !== SPACE || !isDigit(bytes[major] as number)) return NONE;
  for (let i = 0; i < HTTP.length; i += 1) if (bytes[start + 1 + i] !== HTTP[i]) return NONE;
  const hasMinor = bytes[major + 1] === DOT && isDigit(bytes[major + 2] as number);
  return hasMinor ? major + 3 : major + 1;
}

/** 100 to 599, with a blank behind it. */
function isStatusAt(bytes: Uint8Array, at: number): boolean {
  const hundreds = (bytes[at] as number) - ZERO;
  return (
    hundreds >= 1 &&
    hundreds <= 5 &&
    isDigit(bytes[at + 1] as number) &&
    isDigit(bytes[at + 2] as number) &&
    bytes[at + 3] === SPACE
  );
}

/** -1 where there is anything but digits, or too many to be exact. */
function numberOf(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > DIGITS_MAX) return NONE;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const code = bytes[at] as number;
    if (!isDigit(code)) return NONE;
    value = value * 10 + code - ZERO;
  }
  return value;
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== SPACE) at += 1;
  return at;
}

/** Behind the quote that closes; -1: there is none, or a backslash before it. */
function quoteEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== QUOTE) at += 1;
  return at === end || bytes[at - 1] === BACKSLASH ? NONE : at + 1;
}

/** As `durationOfWord`; -1: it is none. */
function durationOf(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return NONE;
  const code = bytes[start] as number;
  if (code === LETTER_R) {
    const key = DURATION_KEYS.find((one) => one.every((byte, i) => bytes[start + i] === byte));
    return key === undefined ? NONE : secondsOf(bytes, start + key.length, end);
  }
  if (!isDigit(code)) return NONE;
  const isMs = bytes[end - 2] === LETTER_M && bytes[end - 1] === LETTER_S;
  if (!isMs) return secondsOf(bytes, start, end);
  const ms = end - start <= MS_LENGTH_MAX ? numberOf(bytes, start, end - 2) : NONE;
  return ms < 0 ? NONE : ms / 1000;
}

/** `0.012`, in quotes or not; -1: it is none. */
function secondsOf(bytes: Uint8Array, wordAt: number, wordEnd: number): number {
  const start = bytes[wordAt] === QUOTE ? wordAt + 1 : wordAt;
  const end = bytes[wordEnd - 1] === QUOTE ? wordEnd - 1 : wordEnd;
  let dot = start;
  while (dot < end && bytes[dot] !== DOT) dot += 1;
  const decimals = end - dot - 1;
  if (dot - start > SECONDS_DIGITS_MAX || decimals > SECONDS_DIGITS_MAX) return NONE;
  const whole = numberOf(bytes, start, dot);
  const fraction = numberOf(bytes, dot + 1, end);
  if (whole < 0 || fraction < 0) return NONE;
  const scale = POWERS_OF_TEN[decimals] as number;
  const digits = dot - start + decimals;
  // Both are exact, so the quotient is the number that is nearest to the text.
  if (digits <= DIGITS_MAX) return (whole * scale + fraction) / scale;
  return Number(spanText({ bytes, start, end }));
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function isUpper(code: number): boolean {
  return code >= 65 && code <= 90;
}

function isLetter(code: number): boolean {
  return isLower(code | 32);
}
