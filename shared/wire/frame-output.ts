import { countOfSeq, epochOfSeq } from "../model/sequence.ts";
import { ByteWriter } from "./bytes.ts";
import { FLAG_KEYFRAME, FRAME_VERSION, type FrameHeader } from "./frame.ts";
import {
  ABSOLUTE,
  AGE_LENGTH_BITS,
  CHANGE_CODE,
  COUNT_CODE,
  COUNTS_PLAIN,
  DIFFERENCE_END,
  KEYFRAME_CODE,
  NEGATIVE,
  PAGE_BYTES,
  PAGES,
  PLAIN,
  REPEAT,
  REPEATED_MIN,
  REPEATS,
  ZERO,
} from "./frame-codes.ts";
import type { ParsedGroup } from "./frame-input.ts";
import { bitLength, type PrefixCode, writeTail } from "./prefix-code.ts";

export type FrameStart = FrameHeader & { readonly groupCount: number };

export type GroupStart = Pick<ParsedGroup, "group" | "isRead" | "ageMs"> & {
  readonly endedCount: number;
  readonly changedCount: number;
};

/**
 * Writes a frame (frame.ts): `begin`, then for each group `group`, the ended ids, the changed ones
 * with their values; then `finish`. Ids ascend. Its memory is kept for the next one.
 */
export class FrameOutput {
  readonly #writer = new ByteWriter(4096);
  readonly #double = new Uint8Array(8);
  readonly #view = new DataView(this.#double.buffer);
  #code: PrefixCode = CHANGE_CODE;
  #groupBefore = -1;
  #before = -1;
  /** The last id's gap, or the end of it, as bits that are written with what follows. */
  #lead = 0;
  #leadBits = 0;
  /** The last distinct numbers of the frame that can be repeated, newest first; 0: none. */
  readonly #recent = new Float64Array(REPEATS);

  begin({ seq, timeMs, isKeyframe, seriesCount, groupCount }: FrameStart): void {
    const writer = this.#writer;
    writer.reset();
    writer.byte(FRAME_VERSION);
    writer.byte(isKeyframe ? FLAG_KEYFRAME : 0);
    writer.varint(epochOfSeq(seq));
    writer.varint(countOfSeq(seq));
    writer.varint(timeMs);
    writer.varint(seriesCount);
    writer.varint(groupCount);
    this.#groupBefore = -1;
    this.#recent.fill(0);
    this.#code = isKeyframe ? KEYFRAME_CODE : CHANGE_CODE;
  }

  group({ group, isRead, ageMs, endedCount, changedCount }: GroupStart): void {
    this.#count(group - this.#groupBefore - 1);
    this.#groupBefore = group;
    this.#writer.bits(isRead ? 1 : 0, 1);
    this.#age(ageMs);
    this.#count(endedCount);
    this.#count(changedCount);
    this.#before = -1;
  }

  ended(id: number): void {
    this.#count(id - this.#before - 1);
    this.#before = id;
  }

  /** To be called before the first changed id. */
  beginChanged(): void {
    this.#before = -1;
  }

  /** A value of an integer series and the one before it: 0 for one that begins, and in keyframes. */
  changed(id: number, value: number, last: number): void {
    this.#id(id);
    const difference = value - last;
    const isNear = difference < DIFFERENCE_END && difference > -DIFFERENCE_END;
    if (isNear && Number.isSafeInteger(value) && Number.isInteger(difference)) {
      this.#difference(difference);
    } else {
      this.#absolute(value);
    }
  }

  changedDouble(id: number, value: number): void {
    this.#id(id);
    this.#absolute(value);
  }

  /** The frame's bytes; they are the caller's. */
  finish(): Uint8Array {
    this.#writer.align();
    return this.#writer.finish();
  }

  #id(id: number): void {
    const gap = id - this.#before - 1;
    this.#before = id;
    if (gap < COUNTS_PLAIN) {
      this.#lead = COUNT_CODE.codeOf(gap);
      this.#leadBits = COUNT_CODE.lengthOf(gap);
      return;
    }
    this.#count(gap);
    this.#lead = 0;
    this.#leadBits = 0;
  }

  #count(count: number): void {
    const length = bitLength(count);
    const symbol = count < COUNTS_PLAIN ? count : length + 1;
    this.#writer.bits(COUNT_CODE.codeOf(symbol), COUNT_CODE.lengthOf(symbol));
    if (count >= COUNTS_PLAIN) writeTail(this.#writer, count, length);
  }

  #age(ageMs: number): void {
    const writer = this.#writer;
    if (ageMs === 0) {
      writer.bits(0, 1);
      return;
    }
    const length = bitLength(ageMs);
    writer.bits(1, 1);
    writer.bits(length, AGE_LENGTH_BITS);
    writeTail(writer, ageMs, length);
  }

  #difference(difference: number): void {
    if (difference === 0) {
      this.#symbol(ZERO);
      return;
    }
    const size = difference < 0 ? -difference : difference;
    if (size >= REPEATED_MIN) {
      const place = this.#placeOf(difference);
      if (place >= 0) {
        this.#symbol(REPEAT + place);
        return;
      }
    }
    if (difference < 0) this.#symbol(NEGATIVE);
    const isPages = size < 2 ** 31 ? (size & (PAGE_BYTES - 1)) === 0 : size % PAGE_BYTES === 0;
    const number = isPages ? size / PAGE_BYTES : size;
    const length = bitLength(number);
    this.#symbol((isPages ? PAGES : PLAIN) + length - 1);
    writeTail(this.#writer, number, length);
  }

  #symbol(symbol: number): void {
    const length = this.#code.lengthOf(symbol);
    const bits = (this.#lead << length) | this.#code.codeOf(symbol);
    this.#writer.bits(bits, this.#leadBits + length);
    this.#lead = 0;
    this.#leadBits = 0;
  }

  /** Where the number stands among the recent ones; -1: nowhere, and now it is the newest. */
  #placeOf(difference: number): number {
    const recent = this.#recent;
    for (let place = 0; place < REPEATS; place += 1) if (recent[place] === difference) return place;
    for (let place = REPEATS - 1; place > 0; place -= 1) recent[place] = recent[place - 1] ?? 0;
    recent[0] = difference;
    return -1;
  }

  #absolute(value: number): void {
    const writer = this.#writer;
    this.#symbol(ABSOLUTE);
    this.#view.setFloat64(0, value);
    for (let i = 0; i < 8; i += 1) writer.bits(this.#view.getUint8(i), 8);
  }
}
