/** The bytes that an exposition's grammar is made of. */

const TAB = 9;
export const NEWLINE = 10;
export const SPACE = 32;
export const QUOTE = 34;
export const HASH = 35;
export const COMMA = 44;
export const MINUS = 45;
export const ZERO = 48;
export const EQUALS = 61;
export const BACKSLASH = 92;
export const OPEN = 123;
export const CLOSE = 125;

/** What a byte may be part of: 1 a label's name, 2 a metric's; 4 is a digit, which is never first. */
const NAME_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const text = String.fromCharCode(byte);
  if (/[0-9]/.test(text)) return 7;
  if (text === ":") return 2;
  return /[a-zA-Z_]/.test(text) ? 3 : 0;
});
export const LABEL_NAME = 1;
export const METRIC_NAME = 2;
const DIGIT = 4;

export function isDigit(byte: number | undefined): boolean {
  return ((NAME_BYTES[byte ?? 0] ?? 0) & DIGIT) !== 0;
}

export function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

export function skipBlanks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isBlank(bytes[at])) at += 1;
  return at;
}

/** At the next blank or newline. */
export function wordEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    if (isBlank(bytes[at]) || bytes[at] === NEWLINE) break;
  }
  return at;
}

/** `start` where no name stands. */
export function nameEnd(bytes: Uint8Array, start: number, kind: number): number {
  if (isDigit(bytes[start])) return start;
  let at = start;
  while (((NAME_BYTES[bytes[at] ?? 0] ?? 0) & kind) !== 0) at += 1;
  return at;
}
