import { OperationalError } from "../errors.ts";
import type { ByteReader } from "./bytes.ts";
import {
  ABSOLUTE,
  AGE_LENGTH_BITS,
  CHANGE_CODE,
  COUNT_CODE,
  COUNTS_PLAIN,
  KEYFRAME_CODE,
  NEGATIVE,
  PAGE_BYTES,
  PAGES,
  PLAIN,
  REPEAT,
  REPEATED_MIN,
  REPEATS,
} from "./frame-codes.ts";
import { CODE_BITS_MAX, readTail } from "./prefix-code.ts";

/** What a frame says of one group; ids ascend in both lists. */
export type ParsedGroup = {
  readonly group: number;
  readonly isRead: boolean;
  /** How long before the frame's time it was read last. */
  readonly ageMs: number;
  readonly ended: readonly number[];
  readonly changed: readonly number[];
  /** One for each of `changed`: a difference, or where `isAbsolute` is 1 the value itself. */
  readonly values: Float64Array;
  readonly isAbsolute: Uint8Array;
};

/** Bits that an id, and an id with its value, take at least. */
const ENDED_BITS_MIN = 1;
const CHANGED_BITS_MIN = 2;
/** A group without series. */
export const GROUP_BITS_MIN = 5;
const AGE_BITS_MAX = 48;

/** What is wrong with a frame. */
export function frameFault(what: string): OperationalError {
  return new OperationalError("PARSE", `frame ${what}`);
}

/** Reads the groups of one frame, one after the other. */
export class GroupReader {
  readonly #reader: ByteReader;
  readonly #seriesCount: number;
  readonly #numbers: NumberReader;
  #groupBefore = -1;

  constructor(
    reader: ByteReader,
    { isKeyframe, seriesCount }: { readonly isKeyframe: boolean; readonly seriesCount: number },
  ) {
    this.#reader = reader;
    this.#seriesCount = seriesCount;
    this.#numbers = new NumberReader(reader, isKeyframe);
  }

  /** @throws OperationalError PARSE */
  read(): ParsedGroup {
    const reader = this.#reader;
    const group = this.#groupBefore + 1 + this.#count();
    this.#groupBefore = group;
    const isRead = reader.bits(1) === 1;
    const ageMs = reader.bits(1) === 1 ? this.#age() : 0;
    const endedCount = this.#countOf(ENDED_BITS_MIN);
    const changedCount = this.#countOf(CHANGED_BITS_MIN);
    const seriesCount = this.#seriesCount;
    if (endedCount + changedCount > seriesCount) {
      throw frameFault(`names ${endedCount + changedCount} series in a group of ${seriesCount}`);
    }
    const ended = new Array<number>(endedCount);
    let before = -1;
    for (let i = 0; i < endedCount; i += 1) {
      before = this.#id(before);
      ended[i] = before;
    }
    const changed = new Array<number>(changedCount);
    const values = new Float64Array(changedCount);
    const isAbsolute = new Uint8Array(changedCount);
    before = -1;
    for (let i = 0; i < changedCount; i += 1) {
      before = this.#id(before);
      changed[i] = before;
      this.#numbers.read(values, isAbsolute, i);
    }
    return { group, isRead, ageMs, ended, changed, values, isAbsolute };
  }

  #count(): number {
    const found = COUNT_CODE.find(this.#reader.peekBits(CODE_BITS_MAX));
    this.#reader.skipBits(found & 15);
    const symbol = found >>> 4;
    return symbol < COUNTS_PLAIN ? symbol : readTail(this.#reader, symbol - 1);
  }

  /** Of items that follow: one that cannot be true is refused before anything is allocated. */
  #countOf(itemBitsMin: number): number {
    const count = this.#count();
    if (count * itemBitsMin <= this.#reader.remaining * 8) return count;
    throw frameFault(`is cut off: ${count} series follow, and ${this.#reader.remaining} bytes`);
  }

  #id(before: number): number {
    const id = before + 1 + this.#count();
    if (id < this.#seriesCount) return id;
    throw frameFault(`names series ${id} of ${this.#seriesCount}`);
  }

  #age(): number {
    const length = this.#reader.bits(AGE_LENGTH_BITS);
    if (length >= 1 && length <= AGE_BITS_MAX) return readTail(this.#reader, length);
    throw frameFault(`has an age of ${length} bits`);
  }
}

/** The numbers of one frame, in order. */
class NumberReader {
  readonly #reader: ByteReader;
  readonly #code;
  /** Numbers that can be repeated, newest first. */
  readonly #recent = new Float64Array(REPEATS);

  constructor(reader: ByteReader, isKeyframe: boolean) {
    this.#reader = reader;
    this.#code = isKeyframe ? KEYFRAME_CODE : CHANGE_CODE;
  }

  read(values: Float64Array, isAbsolute: Uint8Array, index: number): void {
    const symbol = this.#symbol();
    if (symbol >= PLAIN) {
      values[index] = this.#magnitude(symbol, 1);
    } else if (symbol >= REPEAT) {
      values[index] = this.#recent[symbol - REPEAT] ?? 0;
    } else if (symbol === NEGATIVE) {
      values[index] = this.#magnitude(this.#symbol(), -1);
    } else if (symbol === ABSOLUTE) {
      values[index] = this.#double();
      isAbsolute[index] = 1;
    }
  }

  #symbol(): number {
    const found = this.#code.find(this.#reader.peekBits(CODE_BITS_MAX));
    this.#reader.skipBits(found & 15);
    return found >>> 4;
  }

  #magnitude(symbol: number, sign: number): number {
    if (symbol < PLAIN) throw frameFault(`has a negative of ${symbol}`);
    const isPages = symbol >= PAGES;
    const tail = readTail(this.#reader, symbol - (isPages ? PAGES : PLAIN) + 1);
    const difference = sign * (isPages ? tail * PAGE_BYTES : tail);
    if (difference >= REPEATED_MIN || difference <= -REPEATED_MIN) {
      const recent = this.#recent;
      for (let place = REPEATS - 1; place > 0; place -= 1) recent[place] = recent[place - 1] ?? 0;
      recent[0] = difference;
    }
    return difference;
  }

  #double(): number {
    const high = this.#reader.bits(16) * 2 ** 16 + this.#reader.bits(16);
    const low = this.#reader.bits(16) * 2 ** 16 + this.#reader.bits(16);
    WORDS.setUint32(0, high);
    WORDS.setUint32(4, low);
    return WORDS.getFloat64(0);
  }
}

const WORDS = new DataView(new ArrayBuffer(8));
