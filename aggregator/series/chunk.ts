/**
 * A chunk holds a stretch of rows of one group for the series of one block.
 *
 *     byte      format version: 1 as cut from the head, 2 merged from several (chunk-merge.ts)
 *     varint    rows
 *     times     byte 0: varint start, varint step; all steps are the same
 *               byte 1: varint start, then per row after it the change of the step, zigzag
 *               byte 2: numbers (version 2)
 *     varint    silent rows (only staleness markers, no values); each as the gap to the one before
 *     varint    columns; for each, refs ascending: varint gap of the ref, varint bytes of the column
 *     columns, one after the other
 *     4 bytes   CRC-32
 *
 * A column:
 *
 *     byte      coding
 *     byte      decimal places plus one: the value is the coded number / 10^places; 0: as it is
 *     varint    stretches, or 0 where the series has a value in every row that is not silent; for
 *               each: varint rows since the stretch before, varint rows * 2 + 1 if a staleness marker
 *               stands in the row after it
 *     values    one for each row of the stretches, silent rows too (there any)
 *
 * Codings of the values, of which the smallest is taken:
 *
 *     0 constant  the value
 *     1 sparse    the first value, varint changes; each: varint rows since the change before, delta
 *     2 delta     the first value, then deltas
 *     3 double delta   the first value, the first delta, then changes of the delta
 *     4 xor       doubles as they are: the first, 8 bytes; then changed bytes only
 *     5 packed    first value, smallest delta, bits; delta minus the smallest, that many bits each
 *     6 sparse doubles  as 1, but values as they are, 8 bytes each
 *     7 likely    numbers (these three in version 2 only)
 *     8 likely sparse   varint changes; numbers: rows since the change before; numbers: the values
 *     9 halves    numbers: the high 32 bits of the doubles; numbers: the low ones
 *
 * A first value and a delta are zigzag varints: twice the magnitude, plus 1 if negative. The byte of
 * an xor value is 16 * bytes left out at the low end + bytes that follow.
 *
 * Numbers take few bytes where they are noisy, too. What is coded is the numbers themselves, their
 * differences or the changes of these, each less the middle one and divided by what all these
 * distances have in common, zigzag. A token (number-tokens.ts) is coded by how likely it is
 * (token-table.ts), with asymmetric numeral systems: a state in [2^15, 2^31) that takes in 16 bits
 * at once. It is written from the last number to the first, so that it is read forwards. Each column
 * stands alone, so that a query of one series reads no other.
 *
 *     byte      order (0 numbers, 1 differences, 2 changes of these) + 4 * fine
 *               + 16 * (bits of the table - 10)
 *     varint    the middle, zigzag; varint the divisor; as many first numbers as the order, zigzag
 *     table     token-table.ts
 *     varint    words; varint bytes of bits
 *     words     2 bytes each, low byte first: the state, high word first; then those it takes in
 *     bits      behind the tokens, one after the other, high bits first
 */
export const CHUNK_VERSION = { cut: 1, merged: 2 } as const;
/** Rows of one chunk, at most. */
export const CHUNK_ROWS_MAX = 65_536;

export const CODING = {
  constant: 0,
  sparse: 1,
  delta: 2,
  doubleDelta: 3,
  xor: 4,
  packed: 5,
  sparseDoubles: 6,
  likely: 7,
  likelySparse: 8,
  halves: 9,
} as const;

/** How the times of the rows are written. */
export const TIMES = { even: 0, steps: 1, numbers: 2 } as const;

/** Numbers and their differences stay below this, so that zigzag codes fit into 53 bits. */
export const WHOLE_MAX = 2 ** 51;

export const DECIMALS_MAX = 9;
export const POWERS = Float64Array.from({ length: 16 }, (_, places) => 10 ** places);
