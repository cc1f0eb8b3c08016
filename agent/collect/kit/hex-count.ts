import { ABSENT, type ByteScanner } from "./byte-scanner.ts";

/** 2^64 has 16 hexadecimal digits. */
const DIGITS_MAX = 16;
const ZERO = 48;
const LOWER_A = 97;
const LOWER_CASE_BIT = 32;
const COLON = 58;

/**
 * The hexadecimal number of the word at `scan.at`, after spaces; a colon ends it too (`tx:rx`). As
 * ByteScanner.count does: ABSENT and counted for what is none, ABSENT where the line ends.
 */
export function hexCount(scan: ByteScanner): number {
  scan.skipSpaces();
  if (scan.isAtLineEnd) return ABSENT;
  const { bytes, length } = scan;
  const start = scan.at;
  let at = start;
  let value = 0;
  while (at < length) {
    const digit = hexDigit(bytes[at] ?? 0);
    if (digit < 0) break;
    value = value * 16 + digit;
    at += 1;
  }
  scan.at = at;
  const digits = at - start;
  const isEnd = scan.isAtLineEnd || isSeparator(bytes[at] ?? 0);
  if (digits > 0 && digits <= DIGITS_MAX && isEnd) return value;
  scan.malformed += 1;
  scan.skipWord();
  return ABSENT;
}

function hexDigit(byte: number): number {
  const decimal = byte - ZERO;
  if (decimal >= 0 && decimal <= 9) return decimal;
  const letter = (byte | LOWER_CASE_BIT) - LOWER_A;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

function isSeparator(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === COLON;
}
