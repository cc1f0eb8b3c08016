import { type ByteSpan, spanText } from "../model/byte-span.ts";
import { groupsEnd, ipv6End } from "./address-end.ts";
import { byteKinds } from "./byte-kinds.ts";
import { quotedEnd } from "./quoted-value.ts";

// A line is cut into what varies by its form (numbers, times, addresses, ids, paths) and the text
// around it. The form alone decides, not what other lines say, so the same line is always cut alike:
//
// - A run of letters and digits varies when it has a digit. `eth0` and `Package12` keep the word
//   before their number; `7fa3`, `0x1f`, `5ms` and `a64f992` vary as a whole, since what looks like
//   a word before the digits of a hexadecimal number is chance.
// - `.`, `:`, `-`, `/` and `,` between two digits belong to them: dates, times, addresses with
//   ports, versions. So does a sign before them.
// - UUIDs, MAC and IPv6 addresses are recognised as a whole, for their groups may lack a digit.
// - A path varies, and of a URL what follows its scheme.
// - The quoted value of a key varies, but not of one that says what happened, such as `msg`.
// - U+0000, which marks the places in the skeleton, is itself one that varies.
//
// Of all lines that have the same skeleton only the first is more than scanned: the scan makes no
// string, but the places of the variables and a hash of the skeleton. It reads bytes, for a character
// of a string costs several times as much; each byte of a character beyond ASCII is like punctuation.

export type SplitLine = {
  /** The text with `MARKER` in place of each variable. */
  readonly skeleton: string;
  /** In order of their places. */
  readonly variables: string[];
};

export const MARKER = "\u0000";

/** From here on the rest of a line is its last variable: it is a table, not a sentence. */
const VARIABLES_MAX = 200;

// Kinds of bytes, as bits. Here, not shared: V8 keeps what another module exports out of its code.
const OTHER = 0;
const LETTER = 1;
const HEX_LETTER = 2;
const DIGIT = 4;
const JOINER = 8;
/** Has a meaning of its own for the scan. */
const SPECIAL = 16;
/** No path has it. */
const PATH_END = 32;
/** A slash behind it begins a path. */
const PATH_BEFORE = 64;
const SIGN = 128;
const LETTERS = LETTER | HEX_LETTER;
const ALPHANUMERIC = LETTERS | DIGIT;

const NUL = 0x00;
const NEWLINE = 0x0a;
const ESCAPE = 0x1b;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const SLASH = 0x2f;
const COLON = 0x3a;

const KINDS = byteKinds([
  [DIGIT, /[0-9]/],
  [HEX_LETTER, /[a-fA-F]/],
  [LETTER, /[g-zG-Z]/],
  [JOINER, /[.:\-/,]/],
  [SPECIAL, /[:/\0"\n]/],
  [SIGN, /[-+]/],
  [PATH_END, /[\s"'()[\]{}<>,;]/],
  [PATH_BEFORE, /[\s"'()[\]{}<>,;=:|!?]/],
]);
KINDS[ESCAPE] = SPECIAL | PATH_END;

const NO_TEXT: ByteSpan = { bytes: new Uint8Array(), start: 0, end: 0 };

/** Cuts a line; holds what the last scan found. */
export class LineScanner {
  /** Two hashes of the skeleton, 32 bits each. */
  high = 0;
  low = 0;
  #text: ByteSpan = NO_TEXT;
  /** Where each variable starts and, exclusive, ends. */
  readonly #places = new Int32Array(2 * VARIABLES_MAX);
  #count = 0;
  /** Where the scan is. */
  #at = 0;
  /** The hashes before a sign: the number's, if one follows. */
  #signHigh = 0;
  #signLow = 0;

  /**
   * Up to a newline that does not begin the text; the bytes have to stay until `split`.
   * @returns false where an escape stands: such a text is scanned without it
   */
  scan(text: ByteSpan): boolean {
    const { bytes, start, end } = text;
    this.#text = text;
    this.#count = 0;
    this.high = HIGH_START;
    this.low = LOW_START;
    for (this.#at = start; this.#at < end; ) {
      this.#words(bytes, end);
      if (this.#at === end) break;
      const code = bytes[this.#at] as number;
      if (code === NEWLINE && this.#at > start) {
        this.#text = { bytes, start, end: this.#at };
        break;
      }
      if (code === ESCAPE) return false;
      const kind = KINDS[code] as number;
      if ((kind & ALPHANUMERIC) !== 0) this.#at = this.#run(bytes, this.#at, end);
      else this.#special(text, this.#at, code);
    }
    this.low = mixed(this.low);
    return true;
  }

  /** Goes over words without a digit and punctuation between them, to what may be else. */
  #words(bytes: Uint8Array, textEnd: number): void {
    let high = this.high;
    let low = this.low;
    let signHigh = this.#signHigh;
    let signLow = this.#signLow;
    let at = this.#at;
    while (at < textEnd) {
      const code = bytes[at] as number;
      const kind = KINDS[code] as number;
      if ((kind & (DIGIT | SPECIAL)) !== 0) break;
      if ((kind & LETTERS) === 0) {
        if ((kind & SIGN) !== 0) {
          signHigh = high;
          signLow = low;
        }
        high = Math.imul(high ^ code, HIGH_FACTOR);
        low = Math.imul(low + code, LOW_FACTOR);
        at += 1;
        continue;
      }
      let letters = kind;
      let wordHigh = Math.imul(high ^ code, HIGH_FACTOR);
      let wordLow = Math.imul(low + code, LOW_FACTOR);
      let end = at + 1;
      let next = OTHER;
      while (end < textEnd) {
        const nextCode = bytes[end] as number;
        next = KINDS[nextCode] as number;
        if ((next & LETTERS) === 0) break;
        letters |= next;
        wordHigh = Math.imul(wordHigh ^ nextCode, HIGH_FACTOR);
        wordLow = Math.imul(wordLow + nextCode, LOW_FACTOR);
        end += 1;
      }
      const isPrefix = (letters & LETTER) !== 0;
      if (end < textEnd && (next & (isPrefix ? DIGIT : DIGIT | JOINER)) !== 0) break;
      high = wordHigh;
      low = wordLow;
      at = end;
    }
    this.high = high;
    this.low = low;
    this.#signHigh = signHigh;
    this.#signLow = signLow;
    this.#at = at;
  }

  /** Of the line that was scanned last. */
  split(): SplitLine {
    const { start, end: textEnd } = this.#text;
    const text = spanText(this.#text);
    // Decoding makes of bytes as many characters or fewer: of as many, each of its own.
    const isEven = text.length === textEnd - start;
    const textOf = (from: number, to: number) =>
      isEven ? text.slice(from - start, to - start) : spanText(this.#text, from, to);
    const variables: string[] = [];
    let skeleton = "";
    let copiedTo = start;
    for (let i = 0; i < this.#count; i += 1) {
      const variableStart = this.#places[2 * i] as number;
      const end = this.#places[2 * i + 1] as number;
      skeleton += textOf(copiedTo, variableStart) + MARKER;
      variables.push(textOf(variableStart, end));
      copiedTo = end;
    }
    return { skeleton: skeleton + textOf(copiedTo, textEnd), variables };
  }

  /** A run of letters and digits that may vary. @returns where the scan goes on */
  #run(bytes: Uint8Array, start: number, textEnd: number): number {
    let lettersEnd = start;
    let letters = OTHER;
    let next = KINDS[bytes[start] as number] as number;
    while ((next & LETTERS) !== 0) {
      letters |= next;
      lettersEnd += 1;
      next = lettersEnd < textEnd ? (KINDS[bytes[lettersEnd] as number] as number) : OTHER;
    }
    let end = lettersEnd;
    let tail = OTHER;
    while ((next & ALPHANUMERIC) !== 0) {
      tail |= next;
      end += 1;
      next = end < textEnd ? (KINDS[bytes[end] as number] as number) : OTHER;
    }
    const isPrefix = (letters & LETTER) !== 0;
    const isJoined = (next & JOINER) !== 0;
    const isHexadecimal = !isPrefix && (tail & LETTER) === 0;
    const addressEnd = isJoined && isHexadecimal ? groupsEnd(this.#text, start, end) : 0;
    if (addressEnd === 0 && tail === OTHER) return this.#hashWord(start, end);
    const variableEnd = addressEnd || (isJoined ? joinedEnd(bytes, end, textEnd) : end);
    if (isPrefix && tail === DIGIT) {
      this.#hashWord(start, lettersEnd);
      return this.#add(lettersEnd, variableEnd);
    }
    if (!hasSign(this.#text, start)) return this.#add(start, variableEnd);
    this.high = this.#signHigh;
    this.low = this.#signLow;
    return this.#add(start - 1, variableEnd);
  }

  /** Punctuation that may begin a variable. */
  #special(text: ByteSpan, start: number, code: number): void {
    const end = specialEnd(text, start, code);
    if (end > start) {
      this.#at = this.#add(start, end);
      return;
    }
    this.#at = this.#hashWord(start, start + 1);
  }

  /** @returns its end */
  #hashWord(start: number, end: number): number {
    const { bytes } = this.#text;
    let { high, low } = this;
    for (let at = start; at < end; at += 1) {
      const code = bytes[at] as number;
      high = Math.imul(high ^ code, HIGH_FACTOR);
      low = Math.imul(low + code, LOW_FACTOR);
    }
    this.high = high;
    this.low = low;
    return end;
  }

  /** @returns where the scan goes on */
  #add(start: number, variableEnd: number): number {
    this.high = Math.imul(this.high ^ VARIABLE_CODE, HIGH_FACTOR);
    this.low = Math.imul(this.low + VARIABLE_CODE, LOW_FACTOR);
    const isLast = this.#count === VARIABLES_MAX - 1;
    const end = isLast ? restEnd(this.#text, variableEnd) : variableEnd;
    this.#places[2 * this.#count] = start;
    this.#places[2 * this.#count + 1] = end;
    this.#count += 1;
    return end;
  }
}

const HIGH_START = 0x411c9dc5;
const LOW_START = 0x2545f491;
/** Odd, and not alike. */
const HIGH_FACTOR = 0x01000193;
const LOW_FACTOR = 0x5bd1e995;
const VARIABLE_CODE = 0x10000;

/** The finaliser of MurmurHash3. */
export function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Where the line ends: further variables are part of the last one. */
function restEnd({ bytes, end: textEnd }: ByteSpan, from: number): number {
  let end = from;
  while (end < textEnd && bytes[end] !== NEWLINE) end += 1;
  return end;
}

/** Where the variable ends that begins with this character; `start`: none does. */
function specialEnd(text: ByteSpan, start: number, code: number): number {
  const { bytes, start: textStart, end: textEnd } = text;
  if (code === NUL) return start + 1;
  if (code === QUOTE) return quotedEnd(text, start);
  const before = start > textStart ? (bytes[start - 1] as number) : SPACE;
  if (code === SLASH) return isOf(before, PATH_BEFORE) ? pathEnd(text, start, 2) : start;
  if (code !== COLON || start + 2 >= textEnd) return start;
  const next = bytes[start + 1];
  if (next === COLON) return ipv6End(text, start) || start;
  const isUrl = next === SLASH && bytes[start + 2] === SLASH && isOf(before, ALPHANUMERIC);
  return isUrl ? pathEnd(text, start, 4) : start;
}

/** A colon or a full stop at its end is the sentence's. `start`: it is shorter than `lengthMin`. */
function pathEnd({ bytes, end: textEnd }: ByteSpan, start: number, lengthMin: number): number {
  let end = start;
  while (end < textEnd && !isOf(bytes[end] as number, PATH_END)) end += 1;
  while (end > start && bytes[end - 1] === COLON) end -= 1;
  return end - start < lengthMin ? start : end;
}

/** A sign belongs to the number behind it, unless it is a hyphen or a dash. */
function hasSign({ bytes, start: textStart }: ByteSpan, start: number): boolean {
  if (start === textStart) return false;
  const sign = bytes[start - 1] as number;
  if (!isOf(sign, SIGN) || !isOf(bytes[start] as number, DIGIT)) return false;
  if (sign === PLUS || start - 1 === textStart) return true;
  const before = bytes[start - 2] as number;
  return before !== MINUS && !isOf(before, ALPHANUMERIC);
}

/** Where a variable ends whose first run ends at `runEnd`: further runs may be joined to it. */
function joinedEnd(bytes: Uint8Array, runEnd: number, textEnd: number): number {
  let end = runEnd;
  while (
    end + 1 < textEnd &&
    isOf(bytes[end] as number, JOINER) &&
    isOf(bytes[end - 1] as number, DIGIT) &&
    isOf(bytes[end + 1] as number, DIGIT)
  ) {
    end += 2;
    while (end < textEnd && isOf(bytes[end] as number, ALPHANUMERIC)) end += 1;
  }
  return end;
}

function isOf(code: number, kinds: number): boolean {
  return ((KINDS[code] as number) & kinds) !== 0;
}
