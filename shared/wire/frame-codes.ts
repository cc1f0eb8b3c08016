import { PrefixCode } from "./prefix-code.ts";

/**
 * The codes of frame.ts. They never change: another one is another version. Lengths were
 * made from what two-minute streams of a machine at work, with 17 to 100 containers, had of each
 * symbol, smoothed so that none is longer than 12 bits.
 */

/** Counts 0 to 3 are symbols of their own; others have the symbol (number of bits + 1). */
export const COUNT_CODE = new PrefixCode("13563437ac99cbcccccccc");
export const COUNTS_PLAIN = 4;
/** How many bits an age has is written in so many bits. */
export const AGE_LENGTH_BITS = 6;

/** Symbols of a number. */
export const ZERO = 0;
export const ABSOLUTE = 1;
/** The next symbol is the magnitude of a negative number. */
export const NEGATIVE = 2;
/** The same number as one before; the newest number has the first symbol. */
export const REPEAT = 3;
export const REPEATS = 4;
/** By number of bits, 1 to 48. */
export const PLAIN = 7;
/** A multiple of a page, by number of bits of the quotient, 1 to 36. */
export const PAGES = 55;

export const CHANGE_CODE = new PrefixCode(
  "5c347783455566666777788756788889999a98accccb9bccccccccc77666555666667789abcccbbbabccccccccc",
);
export const KEYFRAME_CODE = new PrefixCode(
  "18c5799456677677667777777879888a9999978aabba8acacbaabcc898978887877777777788989aabccccccccc",
);

export const PAGE_BYTES = 4096;
/** Magnitudes from here on can be repeated. */
export const REPEATED_MIN = 32;
/** Magnitudes below this are written as differences. */
export const DIFFERENCE_END = 2 ** 48;
