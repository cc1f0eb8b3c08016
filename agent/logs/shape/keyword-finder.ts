import { strict as assert } from "node:assert";

/** Lower case, at least 4 bytes; `at`: where the 4 bytes of it begin that ordinary text has least. */
export type Keyword = { readonly text: string; readonly at: number };

type Place = { readonly index: number; readonly bytes: Uint8Array; readonly back: number };

const LOWER_CASE_BIT = 32;
const WINDOW_BYTES = 4;
const LISTS_MAX = 255;

/**
 * Finds any of a set of words, in any case, looking at one three-byte sequence in two: four bytes of
 * each word have two of them, one behind the other, so one is always looked at. Three bytes are 15
 * bits, the five lowest of each, which upper and lower case share.
 */
export class KeywordFinder {
  /** By sequence: 0, or the number of its list. */
  readonly #table = new Uint8Array(1 << 15);
  readonly #lists: Place[][] = [[]];
  /** What is searched: an object of these for each look at a place would be much garbage. */
  #start = 0;
  #end = 0;
  /** Of the word that `next` returned: its index. */
  found = 0;
  /** Where to go on behind it. */
  resume = 0;

  constructor(keywords: readonly Keyword[]) {
    for (const [index, { text, at }] of keywords.entries()) {
      assert(text === text.toLowerCase() && at + WINDOW_BYTES <= text.length);
      const bytes = Buffer.from(text, "latin1");
      for (const back of [at, at + 1]) this.#add({ index, bytes, back });
    }
  }

  /**
   * Where the next word begins, from `from` on and within [start, end); -1: there is none. A word
   * that begins before `from` is found as well where its rare bytes are behind it.
   */
  next(bytes: Uint8Array, from: number, start: number, end: number): number {
    const table = this.#table;
    const last = end - 2;
    this.#start = start;
    this.#end = end;
    if (from >= last) return -1;
    let first = (bytes[from] ?? 0) & 31;
    for (let at = from; at < last; at += 2) {
      const third = (bytes[at + 2] ?? 0) & 31;
      const list = table[(first << 10) | (((bytes[at + 1] ?? 0) & 31) << 5) | third] ?? 0;
      first = third;
      if (list === 0) continue;
      const found = this.#match(bytes, at, list);
      if (found >= 0) return found;
    }
    return -1;
  }

  #match(bytes: Uint8Array, at: number, list: number): number {
    for (const place of this.#lists[list] ?? []) {
      const begin = at - place.back;
      if (begin < this.#start || begin + place.bytes.length > this.#end) continue;
      if (!isAlike(bytes, begin, place.bytes)) continue;
      this.found = place.index;
      this.resume = at + 1;
      return begin;
    }
    return -1;
  }

  #add(place: Place): void {
    const [a = 0, b = 0, c = 0] = place.bytes.subarray(place.back, place.back + 3);
    const sequence = ((a & 31) << 10) | ((b & 31) << 5) | (c & 31);
    const known = this.#table[sequence] ?? 0;
    if (known > 0) {
      this.#lists[known]?.push(place);
      return;
    }
    assert(this.#lists.length < LISTS_MAX);
    this.#table[sequence] = this.#lists.length;
    this.#lists.push([place]);
  }
}

function isAlike(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i += 1) {
    const byte = bytes[at + i] ?? 0;
    const isUpper = byte >= 65 && byte <= 90;
    if ((isUpper ? byte | LOWER_CASE_BIT : byte) !== word[i]) return false;
  }
  return true;
}
