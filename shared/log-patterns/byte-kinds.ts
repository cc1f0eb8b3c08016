import { ESCAPE } from "./ascii.ts";

// Kinds of bytes, as bits; those of characters beyond ASCII have none.
export const OTHER = 0;
export const LETTER = 1;
export const HEX_LETTER = 2;
export const DIGIT = 4;
export const JOINER = 8;
/** Has a meaning of its own for the scan. */
export const SPECIAL = 16;
/** No path has it. */
export const PATH_END = 32;
/** A slash behind it begins a path. */
export const PATH_BEFORE = 64;
/** Stands between the groups of an address. */
const ADDRESS = 128;
export const SIGN = 256;
export const LETTERS = LETTER | HEX_LETTER;
export const ALPHANUMERIC = LETTERS | DIGIT;
export const DIGIT_OR_ADDRESS = DIGIT | ADDRESS;

export const KINDS = kinds();

export function isOf(code: number, kinds: number): boolean {
  return ((KINDS[code] as number) & kinds) !== 0;
}

function kinds(): Uint16Array {
  const table = new Uint16Array(256);
  const add = (kind: number, pattern: RegExp) => {
    for (let code = 0; code < 128; code += 1) {
      if (pattern.test(String.fromCharCode(code))) table[code] = (table[code] as number) | kind;
    }
  };
  add(DIGIT, /[0-9]/);
  add(HEX_LETTER, /[a-fA-F]/);
  add(LETTER, /[g-zG-Z]/);
  add(JOINER, /[.:\-/,]/);
  add(SPECIAL, /[:/\0"\n]/);
  add(SIGN, /[-+]/);
  add(ADDRESS, /[:-]/);
  add(PATH_END, /[\s"'()[\]{}<>,;]/);
  add(PATH_BEFORE, /[\s"'()[\]{}<>,;=:|!?]/);
  table[ESCAPE] = SPECIAL | PATH_END;
  return table;
}
