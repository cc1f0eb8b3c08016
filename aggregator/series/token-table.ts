import type { ByteReader, ByteWriter } from "../../shared/wire/bytes.ts";
import { unzigzag, zigzag } from "../../shared/wire/bytes.ts";
import { TOKENS_MAX } from "./number-tokens.ts";

/**
 * How likely the tokens of a run of numbers are. What is stored of a token is a level: its share in
 * steps of a quarter of its power of two, 0 for one that does not occur. Levels become frequencies
 * that sum up to 2^bits, the same way when written and when read.
 *
 *     byte      the highest token
 *     bits      for each token up to it: 0, or 1 and its level's difference to the one before, zigzag
 *     zeros     up to the next full byte
 *
 * A difference has a number plus 4 of n bits written as n - 3 ones, a zero, and the number's bits
 * below the leading 1.
 */
export const TABLE_BITS_MIN = 10;
export const TABLE_BITS_MAX = 12;
const LEVEL_MAX = 49;
/** What `LEVEL_MAX` weighs. */
const WEIGHT_MAX = 16_384;
/** The first level is written as the difference to it. */
const LEVEL_FIRST = 37;

export class TokenTable {
  tokenCount = 0;
  bits = TABLE_BITS_MIN;
  /** Of each token, and the sum of those before it. */
  readonly frequencies = new Int32Array(TOKENS_MAX);
  readonly starts = new Int32Array(TOKENS_MAX);
  readonly #levels = new Uint8Array(TOKENS_MAX);

  /** False when the counts do not fit into `bits`: too many tokens that are too rare. */
  fit(counts: Uint32Array, total: number, bits: number): boolean {
    this.tokenCount = 0;
    for (let token = 0; token < counts.length; token += 1) {
      const count = counts[token] ?? 0;
      this.#levels[token] = count === 0 ? 0 : levelOf((count / total) * WEIGHT_MAX);
      if (count > 0) this.tokenCount = token + 1;
    }
    return this.#normalize(bits);
  }

  write(writer: ByteWriter): void {
    writer.byte(this.tokenCount - 1);
    let before = LEVEL_FIRST;
    for (let token = 0; token < this.tokenCount; token += 1) {
      const level = this.#levels[token] ?? 0;
      writer.bits(level === 0 ? 0 : 1, 1);
      if (level === 0) continue;
      writeDifference(writer, zigzag(level - before));
      before = level;
    }
    writer.align();
  }

  /** False when it is damaged. @throws OperationalError PARSE when it is cut off */
  read(reader: ByteReader, bits: number): boolean {
    this.tokenCount = reader.byte() + 1;
    let before = LEVEL_FIRST;
    for (let token = 0; token < this.tokenCount; token += 1) {
      const isThere = reader.bits(1) === 1;
      const level = isThere ? before + unzigzag(readDifference(reader)) : 0;
      if (level < 0 || level > LEVEL_MAX || (isThere && level === 0)) return false;
      this.#levels[token] = level;
      if (isThere) before = level;
    }
    reader.align();
    return this.#normalize(bits);
  }

  /** Every token that occurs gets a share of at least 1; the most likely one gets what is left. */
  #normalize(bits: number): boolean {
    const size = 1 << bits;
    let weights = 0;
    let largest = 0;
    for (let token = 0; token < this.tokenCount; token += 1) {
      const level = this.#levels[token] ?? 0;
      weights += weightOf(level);
      if (level > (this.#levels[largest] ?? 0)) largest = token;
    }
    if (weights === 0) return false;
    let left = size;
    for (let token = 0; token < this.tokenCount; token += 1) {
      const weight = weightOf(this.#levels[token] ?? 0);
      const share = weight === 0 ? 0 : Math.max(1, Math.floor((weight * size) / weights));
      this.frequencies[token] = share;
      left -= share;
    }
    this.frequencies[largest] = (this.frequencies[largest] ?? 0) + left;
    if ((this.frequencies[largest] ?? 0) < 1) return false;
    let start = 0;
    for (let token = 0; token < this.tokenCount; token += 1) {
      this.starts[token] = start;
      start += this.frequencies[token] ?? 0;
    }
    this.bits = bits;
    return true;
  }
}

function weightOf(level: number): number {
  return level === 0 ? 0 : (4 + ((level - 1) & 3)) << ((level - 1) >> 2);
}

/** The level whose weight is next to `weight`, which is at most that of the highest. */
function levelOf(weight: number): number {
  if (weight < 4) return 1;
  const step = 29 - Math.clz32(weight);
  return 1 + 4 * step + Math.round(weight / 2 ** step) - 4;
}

function writeDifference(writer: ByteWriter, difference: number): void {
  const number = difference + 4;
  const below = 31 - Math.clz32(number);
  for (let i = 2; i < below; i += 1) writer.bits(1, 1);
  writer.bits(0, 1);
  writer.bits(number & ((1 << below) - 1), below);
}

function readDifference(reader: ByteReader): number {
  let below = 2;
  while (below < 16 && reader.bits(1) === 1) below += 1;
  return (1 << below) + reader.bits(below) - 4;
}
