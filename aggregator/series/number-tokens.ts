/**
 * A whole number from 0 up to 2^52 as a token and, from 16 on, some bits as they are: the token says
 * how many bits the number has and the `fine` ones below the leading 1, the rest follows as bits. So
 * few tokens stand for all numbers, and numbers of one token are about as likely as each other.
 */
export const TOKENS_MAX = 256;
export const FINE_MAX = 2;
/** Numbers below it are tokens of their own. */
const DIRECT = 16;
const DIRECT_BITS = 4;
const EXPONENT_MAX = 52;

export type TokenKind = {
  /** The least number of each token. */
  readonly bases: Float64Array;
  /** Bits that follow each token. */
  readonly bits: Uint8Array;
};

/** By `fine`. */
export const TOKEN_KINDS: readonly TokenKind[] = [0, 1, 2].map(kindOf);

/** Doubles, as a shift has 32 bits. */
const TWO_TO = Float64Array.from({ length: 64 }, (_, exponent) => 2 ** exponent);

export function tokenOf(number: number, fine: number): number {
  if (number < DIRECT) return number;
  const exponent = exponentOf(number);
  const below = exponent - fine;
  const top = number < 0x80000000 ? number >>> below : Math.floor(number / (TWO_TO[below] ?? 1));
  return DIRECT + ((exponent - DIRECT_BITS) << fine) + top - (1 << fine);
}

/** The token with less `fine` that stands for at least the same numbers. */
export function coarser(token: number, fineBefore: number, fine: number): number {
  return token < DIRECT ? token : DIRECT + ((token - DIRECT) >> (fineBefore - fine));
}

function exponentOf(number: number): number {
  if (number < 0x80000000) return 31 - Math.clz32(number);
  return 57 - Math.clz32(number / 0x4000000); // the quotient's fraction is dropped
}

function kindOf(fine: number): TokenKind {
  const bases = new Float64Array(TOKENS_MAX);
  const bits = new Uint8Array(TOKENS_MAX);
  for (let token = 0; token < TOKENS_MAX; token += 1) {
    const place = token - DIRECT;
    const exponent = DIRECT_BITS + (place >> fine);
    const isDirect = place < 0 || exponent > EXPONENT_MAX;
    const top = (1 << fine) + (place & ((1 << fine) - 1));
    bases[token] = isDirect ? token : top * 2 ** (exponent - fine);
    bits[token] = isDirect ? 0 : exponent - fine;
  }
  return { bases, bits };
}
