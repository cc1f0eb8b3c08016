/**
 * A token is a longest run of letters, digits, `_` and bytes outside ASCII. Texts here have one code
 * unit a byte (latin1), so that every line, whatever its bytes, is a text and comes back from it.
 */

/** Shorter tokens are not in a filter: they are everywhere. */
export const FILTERED_LENGTH_MIN = 3;

/** Bits of the classes of a token's characters. */
const DIGIT = 1;
const LOWER_HEX = 2;
const UPPER_HEX = 4;
const LOWER = 8;
const UPPER = 16;
const UNDERSCORE = 32;
const HIGH = 64;
const HEX = DIGIT | LOWER_HEX | UPPER_HEX;

/** By byte; 0: no part of a token. */
export const CLASS_OF: Uint8Array = classes();

function classes(): Uint8Array {
  const table = new Uint8Array(256);
  const fill = (from: string, to: string, bit: number) =>
    table.fill(bit, from.charCodeAt(0), to.charCodeAt(0) + 1);
  fill("0", "9", DIGIT);
  fill("a", "f", LOWER_HEX);
  fill("g", "z", LOWER);
  fill("A", "F", UPPER_HEX);
  fill("G", "Z", UPPER);
  fill("_", "_", UNDERSCORE);
  table.fill(HIGH, 128);
  return table;
}

/** The classes of all characters of a token. */
function classesOf(token: string): number {
  let bits = 0;
  for (let i = 0; i < token.length; i += 1) bits |= CLASS_OF[token.charCodeAt(i)] ?? 0;
  return bits;
}

/** Of the classes of a token: whether it is nothing but hexadecimal digits. */
export function isHexOnly(classes: number): boolean {
  return (classes & ~HEX) === 0;
}

/** A hash of the text from `start` up to `end`, for filters: FNV-1a, then MurmurHash3's finish. */
export function hashOf(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A token of a text that is searched for. */
export type NeedleToken = {
  readonly text: string;
  readonly classes: number;
  /** Whether it is a whole token of each text that has the needle, not perhaps part of a longer one. */
  readonly isWhole: boolean;
};

/** The tokens of a needle: those at its ends may go on where the needle stops. */
export function needleTokens(needle: string): NeedleToken[] {
  const tokens: NeedleToken[] = [];
  for (const { 0: text, index } of needle.matchAll(/[0-9A-Za-z_\u0080-\u00ff]+/g)) {
    const isWhole = index > 0 && index + text.length < needle.length;
    tokens.push({ text, classes: classesOf(text), isWhole });
  }
  return tokens;
}
