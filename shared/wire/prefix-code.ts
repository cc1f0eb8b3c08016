import { strict as assert } from "node:assert";
import type { ByteReader, ByteWriter } from "./bytes.ts";

/** Bits of the longest code. */
export const CODE_BITS_MAX = 12;

/**
 * A canonical prefix code (as DEFLATE's, RFC 1951 3.2.2, but most significant bit first): symbols are
 * known by the lengths of their codes alone; shorter codes come first, of equal length in the
 * order of the symbols.
 */
export class PrefixCode {
  readonly #lengths: Uint8Array;
  readonly #codes: Uint16Array;
  /** What `find` gives. */
  readonly #symbols = new Uint16Array(2 ** CODE_BITS_MAX);

  /** @param lengths bits of each symbol's code, 1 to 12, a base-36 digit each; they fill the code */
  constructor(lengths: string) {
    this.#lengths = Uint8Array.from(lengths, (digit) => Number.parseInt(digit, 36));
    this.#codes = new Uint16Array(this.#lengths.length);
    let next = 0;
    for (let length = 1; length <= CODE_BITS_MAX; length += 1) {
      const span = 2 ** (CODE_BITS_MAX - length);
      this.#lengths.forEach((own, symbol) => {
        if (own !== length) return;
        this.#codes[symbol] = next / span;
        this.#symbols.fill(symbol * 16 + length, next, next + span);
        next += span;
      });
    }
    assert(next === this.#symbols.length);
  }

  /** The symbol's code; `lengthOf` says how many low bits of it count. */
  codeOf(symbol: number): number {
    return this.#codes[symbol] ?? 0;
  }

  lengthOf(symbol: number): number {
    return this.#lengths[symbol] ?? 0;
  }

  /** By the next 12 bits: the symbol times 16, plus the length of its code. */
  find(bits: number): number {
    return this.#symbols[bits] ?? 0;
  }
}

/** Bits of a whole number from 0 to 2^53. */
export function bitLength(value: number): number {
  return value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 2 ** 32);
}

/** Writes a number of `length` bits, 1 to 48, without its leading 1. */
export function writeTail(writer: ByteWriter, value: number, length: number): void {
  if (length <= 25) {
    writer.bits(value & ~(1 << (length - 1)), length - 1);
    return;
  }
  const high = Math.floor(value / 2 ** 24);
  writer.bits(high & ~(1 << (length - 25)), length - 25);
  writer.bits(value % 2 ** 24, 24);
}

export function readTail(reader: ByteReader, length: number): number {
  if (length <= 25) return 2 ** (length - 1) + reader.bits(length - 1);
  const high = 2 ** (length - 25) + reader.bits(length - 25);
  return high * 2 ** 24 + reader.bits(24);
}
