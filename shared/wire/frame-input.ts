import { OperationalError } from "../errors.ts";
import type { ByteReader } from "./bytes.ts";
import {
  ABSOLUTE,
  CHANGE_CODE,
  GAP_CODE,
  GAPS_PLAIN,
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

/** Bytes that an id, and an id with its value, take at least. */
const ENDED_BYTES_MIN = 1 / 8;
const CHANGED_BYTES_MIN = 2 / 8;

/** What is wrong with a frame. */
export function frameFault(what: string): OperationalError {
  return new OperationalError("PARSE", `frame ${what}`);
}

/** @throws OperationalError PARSE */
export function readGroup(
  reader: ByteReader,
  { isKeyframe, seriesCount }: { readonly isKeyframe: boolean; readonly seriesCount: number },
): ParsedGroup {
  const head = reader.varint();
  const ageMs = reader.varint();
  const endedCount = reader.count(ENDED_BYTES_MIN);
  const changedCount = reader.count(CHANGED_BYTES_MIN);
  if (endedCount + changedCount > seriesCount) {
    throw frameFault(`names ${endedCount + changedCount} series in a group of ${seriesCount}`);
  }
  const ended = new Array<number>(endedCount);
  let before = -1;
  for (let i = 0; i < endedCount; i += 1) {
    before = readId(reader, before, seriesCount);
    ended[i] = before;
  }
  const changed = new Array<number>(changedCount);
  const numbers = new NumberReader(reader, isKeyframe, changedCount);
  before = -1;
  for (let i = 0; i < changedCount; i += 1) {
    before = readId(reader, before, seriesCount);
    changed[i] = before;
    numbers.read(i);
  }
  reader.align();
  const group = Math.floor(head / 2);
  const isRead = head % 2 === 1;
  const { values, isAbsolute } = numbers;
  return { group, isRead, ageMs, ended, changed, values, isAbsolute };
}

function readId(reader: ByteReader, before: number, seriesCount: number): number {
  const found = GAP_CODE.find(reader.peekBits(CODE_BITS_MAX));
  reader.skipBits(found & 15);
  const symbol = found >>> 4;
  const gap = symbol < GAPS_PLAIN ? symbol : readTail(reader, symbol - 1);
  const id = before + 1 + gap;
  if (id < seriesCount) return id;
  throw frameFault(`names series ${id} of ${seriesCount}`);
}

/** The numbers of one group, in order. */
class NumberReader {
  readonly values: Float64Array;
  readonly isAbsolute: Uint8Array;
  readonly #reader: ByteReader;
  readonly #code;
  /** Numbers that can be repeated, newest first. */
  readonly #recent = new Float64Array(REPEATS);

  constructor(reader: ByteReader, isKeyframe: boolean, count: number) {
    this.#reader = reader;
    this.#code = isKeyframe ? KEYFRAME_CODE : CHANGE_CODE;
    this.values = new Float64Array(count);
    this.isAbsolute = new Uint8Array(count);
  }

  read(index: number): void {
    const symbol = this.#symbol();
    if (symbol >= PLAIN) {
      this.values[index] = this.#magnitude(symbol, 1);
    } else if (symbol >= REPEAT) {
      this.values[index] = this.#recent[symbol - REPEAT] ?? 0;
    } else if (symbol === NEGATIVE) {
      this.values[index] = this.#magnitude(this.#symbol(), -1);
    } else if (symbol === ABSOLUTE) {
      this.values[index] = this.#double();
      this.isAbsolute[index] = 1;
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
