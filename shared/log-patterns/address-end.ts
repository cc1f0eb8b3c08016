import type { ByteSpan } from "../model/byte-span.ts";
import { byteKinds } from "./byte-kinds.ts";

// Kinds of bytes, as bits. Here, not shared: V8 keeps what another module exports out of its code.
const OTHER = 0;
const LETTER = 1;
const HEX_LETTER = 2;
const DIGIT = 4;
const JOINER = 8;
const HEX_DIGIT = HEX_LETTER | DIGIT;
const ALPHANUMERIC = LETTER | HEX_DIGIT;
const IPV6_KINDS = HEX_DIGIT | JOINER;
const KINDS = byteKinds([
  [DIGIT, /[0-9]/],
  [HEX_LETTER, /[a-fA-F]/],
  [LETTER, /[g-zG-Z]/],
  [JOINER, /[.:]/],
]);

const IPV6_LENGTH_MAX = 45;
const SPACE = 0x20;
const MINUS = 0x2d;
const FULL_STOP = 0x2e;
const COLON = 0x3a;

/** Where the UUID, MAC or IPv6 address ends whose first group is `start` to `end`; 0: it is none. */
export function groupsEnd(text: ByteSpan, start: number, end: number): number {
  const separator = codeAt(text, end);
  if (separator !== COLON && separator !== MINUS) return 0;
  if (separator === MINUS && end - start === 8 && isUuid(text, start)) return start + 36;
  if (end - start === 2 && isMac(text, start, separator)) return start + 17;
  return separator === COLON && end - start <= 4 ? ipv6End(text, start) : 0;
}

function isUuid(text: ByteSpan, start: number): boolean {
  let groupStart = start;
  for (const length of [8, 4, 4, 4, 12]) {
    if (groupStart > start && codeAt(text, groupStart - 1) !== MINUS) return false;
    if (!isHexGroup(text, groupStart, length)) return false;
    groupStart += length + 1;
  }
  return true;
}

function isMac(text: ByteSpan, start: number, separator: number): boolean {
  // Of a time, which is far more frequent, the last separator is missing.
  if (codeAt(text, start + 14) !== separator) return false;
  for (let group = 0; group < 6; group += 1) {
    const groupStart = start + 3 * group;
    if (group > 0 && codeAt(text, groupStart - 1) !== separator) return false;
    if (!isHexGroup(text, groupStart, 2)) return false;
  }
  return true;
}

function isHexGroup(text: ByteSpan, start: number, length: number): boolean {
  for (let i = start; i < start + length; i += 1) if (!isHexDigit(classAt(text, i))) return false;
  return !isAlphanumeric(classAt(text, start + length));
}

/** RFC 4291 2.2: eight groups, or fewer around one `::`; at least one digit, so no `abc::de`. */
export function ipv6End(text: ByteSpan, start: number): number {
  const { bytes, end: textEnd } = text;
  if (isAlphanumeric(classAt(text, start - 1))) return 0;
  let seen = OTHER;
  let colons = 0;
  let hasGap = false;
  let end = start;
  for (; end < textEnd; end += 1) {
    const code = bytes[end] as number;
    const kind = KINDS[code] as number;
    if ((kind & IPV6_KINDS) === 0) break;
    if (code === COLON) {
      colons += 1;
      if (end > start && bytes[end - 1] === COLON) hasGap = true;
    }
    seen |= kind;
    if (end - start >= IPV6_LENGTH_MAX) return 0;
  }
  if (isAlphanumeric(classAt(text, end)) || (seen & DIGIT) === 0) return 0;
  return (hasGap && colons <= 8) || colons === 7 ? sentenceEnd(text, end) : 0;
}

/** A colon or a full stop behind an address belongs to the sentence. */
function sentenceEnd(text: ByteSpan, from: number): number {
  let end = from;
  for (;;) {
    const isColon = codeAt(text, end - 1) === COLON && codeAt(text, end - 2) !== COLON;
    if (!isColon && codeAt(text, end - 1) !== FULL_STOP) return end;
    end -= 1;
  }
}

function classAt(text: ByteSpan, index: number): number {
  return KINDS[codeAt(text, index)] as number;
}

/** A space beyond the text's ends. */
function codeAt({ bytes, start, end }: ByteSpan, index: number): number {
  return index >= start && index < end ? (bytes[index] as number) : SPACE;
}

function isAlphanumeric(kind: number): boolean {
  return (kind & ALPHANUMERIC) !== 0;
}

function isHexDigit(kind: number): boolean {
  return (kind & HEX_DIGIT) !== 0;
}
