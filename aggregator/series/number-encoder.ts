import { ByteWriter, zigzag } from "../../shared/wire/bytes.ts";
import { WHOLE_MAX } from "./chunk.ts";
import { coarser, FINE_MAX, TOKEN_KINDS, TOKENS_MAX, tokenOf } from "./number-tokens.ts";
import { TABLE_BITS_MAX, TABLE_BITS_MIN, TokenTable } from "./token-table.ts";

/** Fewer numbers do not pay for their table. */
export const NUMBERS_MIN = 24;
/** Where the state of the coder starts, and ends when it is read. */
export const STATE_FIRST = 2 ** 15;
const STATE_END = 2 ** 31;
/** The middle of the numbers is that of so many of them. */
const MIDDLE_OF = 63;
/** Bytes besides the tokens: state, sizes, middle and the first numbers. */
const HEAD_BYTES = 14;
const TOKEN_BITS = 5;

/** How numbers are coded, and how many bits that takes, about. */
type Plan = {
  readonly order: number;
  readonly middle: number;
  /** Divides all distances from the middle. */
  readonly divisor: number;
  readonly fine: number;
  readonly bits: number;
};

/**
 * Writes whole numbers (chunk.ts has the format), each by how likely it is among the others: `plan`
 * looks at them, `write` writes them. In between the numbers must not change.
 */
export class NumberEncoder {
  readonly #table = new TokenTable();
  readonly #counts = new Uint32Array(TOKENS_MAX);
  readonly #raw = new ByteWriter(1024);
  #numbers: Float64Array = new Float64Array(0);
  #count = 0;
  #plan: Plan | null = null;
  /** Of one order: what is left of the numbers, then as numbers without a sign. */
  #codes: Float64Array = new Float64Array(1024);
  #words = new Uint16Array(1024);

  /** Bytes that they take, about; Infinity where they cannot be written so. Below 2^51 each. */
  plan(numbers: Float64Array, count: number): number {
    this.#numbers = numbers;
    this.#count = count;
    this.#plan = null;
    if (count < NUMBERS_MIN) return Number.POSITIVE_INFINITY;
    if (count > this.#codes.length) {
      this.#codes = new Float64Array(count * 2);
      this.#words = new Uint16Array(count * 2);
    }
    for (let order = 0; order <= 2; order += 1) this.#tryOrder(order);
    return this.#bits === Number.POSITIVE_INFINITY
      ? this.#bits
      : Math.ceil(this.#bits / 8) + HEAD_BYTES;
  }

  /** False, and nothing is written, where they cannot be written so after all. */
  write(writer: ByteWriter): boolean {
    const plan = this.#plan;
    if (plan === null) return false;
    const { order, middle, divisor, fine } = plan;
    const length = this.#count - order;
    this.#readDifferences(order);
    this.#toCodes(length, middle, divisor);
    this.#countTokens(length, fine);
    if (!this.#fitTable(length)) return false;
    writer.byte(order | (fine << 2) | ((this.#table.bits - TABLE_BITS_MIN) << 4));
    writer.varint(zigzag(middle));
    writer.varint(divisor);
    for (let i = 0; i < order; i += 1) writer.varint(zigzag(this.#numbers[i] ?? 0));
    this.#table.write(writer);
    this.#writeCodes(writer, length, fine);
    return true;
  }

  get #bits(): number {
    return this.#plan?.bits ?? Number.POSITIVE_INFINITY;
  }

  #tryOrder(order: number): void {
    const length = this.#count - order;
    this.#readDifferences(order);
    const middle = middleOf(this.#codes, length);
    const divisor = this.#divisorOf(length, middle);
    if (divisor === null) return;
    this.#toCodes(length, middle, divisor);
    this.#countTokens(length, FINE_MAX);
    for (let fine = FINE_MAX; fine >= 0; fine -= 1) {
      if (fine < FINE_MAX) this.#joinTokens(fine);
      const bits = bitsOf(this.#counts, length, fine);
      if (bits < this.#bits) this.#plan = { order, middle, divisor, fine, bits };
    }
  }

  /** The numbers themselves, what each adds to the one before, or how that changes. */
  #readDifferences(order: number): void {
    const numbers = this.#numbers;
    const codes = this.#codes;
    for (let i = order; i < this.#count; i += 1) {
      const number = numbers[i] ?? 0;
      const before = order > 0 ? (numbers[i - 1] ?? 0) : 0;
      const earlier = order > 1 ? before - (numbers[i - 2] ?? 0) : 0;
      codes[i - order] = number - before - earlier;
    }
  }

  /** What all distances from the middle are multiples of; null where one is too large. */
  #divisorOf(length: number, middle: number): number | null {
    const codes = this.#codes;
    if (Math.abs(middle) >= WHOLE_MAX) return null;
    let divisor = 0;
    for (let i = 0; i < length; i += 1) {
      const distance = Math.abs((codes[i] ?? 0) - middle);
      if (distance >= WHOLE_MAX) return null;
      if (divisor !== 1 && distance !== 0) divisor = commonDivisor(divisor, distance);
    }
    return Math.max(1, divisor);
  }

  /** Distances from the middle become codes: zigzag. */
  #toCodes(length: number, middle: number, divisor: number): void {
    const codes = this.#codes;
    for (let i = 0; i < length; i += 1) {
      const distance = ((codes[i] ?? 0) - middle) / divisor;
      codes[i] = distance < 0 ? -2 * distance - 1 : 2 * distance;
    }
  }

  #countTokens(length: number, fine: number): void {
    const counts = this.#counts;
    const codes = this.#codes;
    counts.fill(0);
    for (let i = 0; i < length; i += 1) {
      const token = tokenOf(codes[i] ?? 0, fine);
      counts[token] = (counts[token] ?? 0) + 1;
    }
  }

  #joinTokens(fine: number): void {
    const counts = this.#counts;
    for (let token = 0; token < TOKENS_MAX; token += 1) {
      const count = counts[token] ?? 0;
      const joined = coarser(token, fine + 1, fine);
      if (joined === token) continue;
      counts[token] = 0;
      counts[joined] = (counts[joined] ?? 0) + count;
    }
  }

  #fitTable(length: number): boolean {
    const bits = length <= 1024 ? TABLE_BITS_MIN : length <= 4096 ? 11 : TABLE_BITS_MAX;
    return [bits, TABLE_BITS_MAX].some((tried) => this.#table.fit(this.#counts, length, tried));
  }

  /** Backwards, so that they are read forwards (range variant of asymmetric numeral systems). */
  #writeCodes(writer: ByteWriter, length: number, fine: number): void {
    const { frequencies, starts, bits } = this.#table;
    const words = this.#words;
    const codes = this.#codes;
    const size = 1 << bits;
    const room = STATE_END / size;
    let wordCount = 0;
    let state = STATE_FIRST;
    for (let i = length - 1; i >= 0; i -= 1) {
      const token = tokenOf(codes[i] ?? 0, fine);
      const frequency = frequencies[token] ?? 1;
      if (state >= frequency * room) {
        words[wordCount] = state & 0xffff;
        wordCount += 1;
        state >>>= 16;
      }
      const whole = (state / frequency) | 0;
      state = whole * size + (state - whole * frequency) + (starts[token] ?? 0);
    }
    const raw = this.#rawBits(length, fine);
    writer.varint(wordCount);
    writer.varint(raw.length);
    writeWord(writer, state >>> 16);
    writeWord(writer, state & 0xffff);
    for (let i = wordCount - 1; i >= 0; i -= 1) writeWord(writer, words[i] ?? 0);
    writer.bytes(raw);
  }

  #rawBits(length: number, fine: number): Uint8Array {
    const kind = TOKEN_KINDS[fine];
    const raw = this.#raw;
    raw.reset();
    for (let i = 0; i < length && kind !== undefined; i += 1) {
      const code = this.#codes[i] ?? 0;
      const token = tokenOf(code, fine);
      const count = kind.bits[token] ?? 0;
      if (count === 0) continue;
      const rest = code - (kind.bases[token] ?? 0);
      writeBits(raw, rest, count);
    }
    raw.align();
    return raw.written();
  }
}

/** The highest first; ByteWriter takes 24 at once. */
function writeBits(writer: ByteWriter, value: number, count: number): void {
  if (count <= 24) {
    writer.bits(value, count);
    return;
  }
  writeBits(writer, Math.floor(value / 0x1000000), count - 24);
  writer.bits(value % 0x1000000, 24);
}

function commonDivisor(a: number, b: number): number {
  let [larger, smaller] = [b, a];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

function writeWord(writer: ByteWriter, word: number): void {
  writer.byte(word & 0xff);
  writer.byte(word >>> 8);
}

const sample = new Float64Array(MIDDLE_OF);

/** The median of some of the numbers, evenly taken. */
function middleOf(numbers: Float64Array, length: number): number {
  const count = Math.min(MIDDLE_OF, length);
  for (let i = 0; i < count; i += 1) sample[i] = numbers[Math.floor((i * length) / count)] ?? 0;
  return sample.subarray(0, count).sort()[count >> 1] ?? 0;
}

/** What the tokens take at best, with the bits behind them and the table. */
function bitsOf(counts: Uint32Array, length: number, fine: number): number {
  const kind = TOKEN_KINDS[fine];
  let bits = 0;
  for (let token = 0; token < TOKENS_MAX; token += 1) {
    const count = counts[token] ?? 0;
    if (count === 0) continue;
    bits += count * (Math.log2(length / count) + (kind?.bits[token] ?? 0)) + TOKEN_BITS;
  }
  return bits;
}
