import type { ByteSpan } from "../model/byte-span.ts";
import { COLON, FULL_STOP, MINUS, NUL, PLUS, QUOTE, SLASH, SPACE } from "./ascii.ts";
import {
  ALPHANUMERIC,
  DIGIT,
  HEX_LETTER,
  isOf,
  JOINER,
  KINDS,
  OTHER,
  PATH_BEFORE,
  PATH_END,
} from "./byte-kinds.ts";
import { quotedEnd } from "./quoted-value.ts";

/** Where the variable ends that begins with this character; `start`: none does. */
export function specialEnd(text: ByteSpan, start: number, code: number): number {
  if (code === NUL) return start + 1;
  if (code === QUOTE) return quotedEnd(text, start);
  if (code === SLASH) {
    const isFirst = (classAt(text, start - 1) & PATH_BEFORE) !== 0;
    return isFirst ? pathEnd(text, start, 2) : start;
  }
  if (code !== COLON) return start;
  const next = codeAt(text, start + 1);
  if (next === COLON) return ipv6End(text, start) || start;
  const isUrl =
    next === SLASH && codeAt(text, start + 2) === SLASH && isAlphanumeric(classAt(text, start - 1));
  return isUrl ? pathEnd(text, start, 4) : start;
}

/** A colon or a full stop at its end is the sentence's. `start`: it is shorter than `lengthMin`. */
function pathEnd({ bytes, end: textEnd }: ByteSpan, start: number, lengthMin: number): number {
  let end = start;
  while (end < textEnd && !isOf(bytes[end] as number, PATH_END)) end += 1;
  while (end > start && bytes[end - 1] === COLON) end -= 1;
  return end - start < lengthMin ? start : end;
}

/** A sign belongs to the number behind it, unless it is a hyphen or a dash. */
export function hasSign(text: ByteSpan, start: number): boolean {
  const sign = codeAt(text, start - 1);
  if (sign !== MINUS && sign !== PLUS) return false;
  if (classAt(text, start) !== DIGIT) return false;
  if (sign === PLUS) return true;
  const before = codeAt(text, start - 2);
  return before !== MINUS && !isAlphanumeric(classAt(text, start - 2));
}

/** Where a variable ends whose first run ends at `runEnd`: further runs may be joined to it. */
export function joinedEnd(bytes: Uint8Array, runEnd: number, textEnd: number): number {
  let end = runEnd;
  while (
    end + 1 < textEnd &&
    isOf(bytes[end] as number, JOINER) &&
    isOf(bytes[end - 1] as number, DIGIT) &&
    isOf(bytes[end + 1] as number, DIGIT)
  ) {
    end += 2;
    while (end < textEnd && isOf(bytes[end] as number, ALPHANUMERIC)) end += 1;
  }
  return end;
}

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
function ipv6End(text: ByteSpan, start: number): number {
  if (isAlphanumeric(classAt(text, start - 1))) return 0;
  let seen = OTHER;
  let colons = 0;
  let hasGap = false;
  let end = start;
  for (let kind = classAt(text, end); (kind & IPV6_KINDS) !== 0; kind = classAt(text, end)) {
    const code = codeAt(text, end);
    if ((kind & JOINER) !== 0 && code !== COLON && code !== FULL_STOP) break;
    if (code === COLON) {
      colons += 1;
      if (codeAt(text, end + 1) === COLON) hasGap = true;
    }
    seen |= kind;
    end += 1;
    if (end - start > IPV6_LENGTH_MAX) return 0;
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

const IPV6_KINDS = HEX_LETTER | DIGIT | JOINER;
const IPV6_LENGTH_MAX = 45;

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
  return (kind & (HEX_LETTER | DIGIT)) !== 0;
}
