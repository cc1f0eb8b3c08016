import type { ByteSpan } from "../model/byte-span.ts";
import { MESSAGE_KEYS } from "./words.ts";

const KEY_BYTES_MAX = 40;
const NEWLINE = 0x0a;
const ESCAPE = 0x1b;
const SPACE = 0x20;
const QUOTE = 0x22;
const MINUS = 0x2d;
const FULL_STOP = 0x2e;
const COLON = 0x3a;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const UNDERSCORE = 0x5f;
/** Makes letters of ASCII lower case; no other byte becomes one. */
const LOWER = 0x20;

/**
 * Where the quoted value ends that begins at `start`, as in `key="…"` and `"key":"…"`; `start`: it is
 * none, has no end, or its key says what happened.
 */
export function quotedEnd(text: ByteSpan, start: number): number {
  const { bytes } = text;
  const isSpaced = start > text.start && bytes[start - 1] === SPACE;
  const separatorAt = isSpaced ? start - 2 : start - 1;
  if (separatorAt <= text.start) return start;
  const isColon = bytes[separatorAt] === COLON && bytes[separatorAt - 1] === QUOTE;
  if (!isColon && (bytes[separatorAt] !== EQUALS || isSpaced)) return start;
  const keyEnd = isColon ? separatorAt - 1 : separatorAt;
  const keyAt = isColon ? quotedKey(text, keyEnd) : plainKey(text, keyEnd);
  if (keyAt === keyEnd || isMessageKey(bytes, keyAt, keyEnd)) return start;
  return valueEnd(text, start);
}

function valueEnd({ bytes, end: textEnd }: ByteSpan, start: number): number {
  for (let at = start + 1; at < textEnd; at += 1) {
    const code = bytes[at] as number;
    if (code > BACKSLASH) continue; // mostly
    if (code === QUOTE) return at + 1;
    if (endsText(code)) break;
    if (code === BACKSLASH && !endsText(bytes[at + 1])) at += 1;
  }
  return start;
}

/** The scan has to see these. */
function endsText(code: number | undefined): boolean {
  return code === NEWLINE || code === ESCAPE;
}

/** Where the key begins whose closing quote is at `end`; `end` where no other quote is before it. */
function quotedKey({ bytes, start: textStart }: ByteSpan, end: number): number {
  const first = Math.max(textStart, end - KEY_BYTES_MAX);
  for (let i = end - 1; i >= first; i -= 1) if (bytes[i] === QUOTE) return i + 1;
  return end;
}

function plainKey({ bytes, start: textStart }: ByteSpan, end: number): number {
  const first = Math.max(textStart, end - KEY_BYTES_MAX);
  let start = end;
  while (start > first && isKeyByte(bytes[start - 1] as number)) start -= 1;
  return start;
}

function isKeyByte(code: number): boolean {
  const lower = code | LOWER;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  if (code >= 0x30 && code <= 0x39) return true;
  return code === UNDERSCORE || code === MINUS || code === FULL_STOP;
}

/** By length and first letter. */
const KEYS: Uint8Array[][] = Array.from({ length: (KEY_BYTES_MAX + 1) * 32 }, () => []);
for (const key of MESSAGE_KEYS)
  KEYS[placeOf(key.length, key.charCodeAt(0))]?.push(Buffer.from(key));

/** Letters of either case have one place. */
function placeOf(length: number, first: number): number {
  return length * 32 + (first & 31);
}

function isMessageKey(bytes: Uint8Array, start: number, end: number): boolean {
  const keys = KEYS[placeOf(end - start, bytes[start] as number)] as Uint8Array[];
  for (let i = 0; i < keys.length; i += 1)
    if (isAt(bytes, start, keys[i] as Uint8Array)) return true;
  return false;
}

/** In letters of either case. */
function isAt(bytes: Uint8Array, start: number, key: Uint8Array): boolean {
  for (let i = 0; i < key.length; i += 1) {
    if (((bytes[start + i] as number) | LOWER) !== key[i]) return false;
  }
  return true;
}
