import { CLASS_OF } from "./tokens.ts";

/**
 * How a column of texts is written. All of a column are coded alike; a column of several forms is
 * split into columns of one form each.
 */
export const KIND = {
  /** The same text each time, in the layout. */
  constant: 0,
  /** Few texts, in the layout; by line the number of one. */
  shortDictionary: 1,
  /** Distinct texts as a column of their own; by line the number of one. */
  dictionary: 2,
  /** Whole numbers as they are usually written, less a field of the line's time. */
  integer: 3,
  /** Digits of a fixed width, with leading zeros, less a field of the line's time. */
  digits: 4,
  /** Tokens in columns of their own, with the same text around them. */
  shapes: 5,
  /** The same text before and behind. */
  affix: 6,
  /** Lower-case hexadecimal digits of one even length, two a byte. */
  hex: 7,
  /** Ended by a line feed each. */
  text: 8,
  /** Of one length. */
  fixedText: 9,
  /** Lengths apart: texts that may have line feeds. */
  anyText: 10,
} as const;

/** Shapes of a column; what has another one is in the last place, whole. */
export const SHAPES_MAX = 48;
/** More tokens than this are not taken apart. */
const SHAPE_TOKENS_MAX = 120;

/** A text with its tokens cut out: `PLACE` stands for each. */
export type Shape = { readonly shape: string; readonly tokens: readonly string[] };

/** No text that has it is taken apart. */
export const PLACE = "\u0000";

/** null: not to be taken apart. */
export function shapeOf(text: string): Shape | null {
  const tokens: string[] = [];
  let shape = "";
  let from = 0;
  for (let i = 0; i < text.length; ) {
    const code = text.charCodeAt(i);
    if (code === 0) return null;
    if ((CLASS_OF[code] ?? 0) === 0) {
      i += 1;
      continue;
    }
    const start = i;
    while (i < text.length && (CLASS_OF[text.charCodeAt(i)] ?? 0) !== 0) i += 1;
    if (tokens.length === SHAPE_TOKENS_MAX) return null;
    tokens.push(text.slice(start, i));
    shape += text.slice(from, start) + PLACE;
    from = i;
  }
  return { shape: shape + text.slice(from), tokens };
}

/** The number that a text is the usual decimal form of; null when it is none below the bound. */
export function integerOf(text: string): number | null {
  const { length } = text;
  if (length === 0 || length > 15) return null;
  if (length > 1 && text.charCodeAt(0) === 0x30) return null;
  return digitsOf(text);
}

/** The number that the text's digits, at most 15, are; null when there is anything else. */
export function digitsOf(text: string): number | null {
  let value = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return value;
}

export function isHex(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    if (((CLASS_OF[text.charCodeAt(i)] ?? 0xff) & ~3) !== 0 || CLASS_OF[text.charCodeAt(i)] === 0) {
      return false;
    }
  }
  return true;
}
