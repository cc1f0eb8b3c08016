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
// string, but the places of the variables and a hash of the skeleton.

export type SplitLine = {
  /** The text with `MARKER` in place of each variable. */
  readonly skeleton: string;
  /** In order of their places. */
  readonly variables: string[];
};

export const MARKER = "\u0000";

/** From here on the rest of a line is its last variable: it is a table, not a sentence. */
const VARIABLES_MAX = 200;

// Kinds of characters, as bits.
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
/** Stands between the groups of an address. */
const ADDRESS = 128;
const LETTERS = LETTER | HEX_LETTER;
const ALPHANUMERIC = LETTERS | DIGIT;
const DIGIT_OR_ADDRESS = DIGIT | ADDRESS;

const CLASSES = classes();

const NUL = 0;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const FULL_STOP = 0x2e;
const SLASH = 0x2f;
const COLON = 0x3a;

/** Cuts a line; holds what the last scan found. */
export class LineScanner {
  /** Two hashes of the skeleton, 32 bits each. */
  high = 0;
  low = 0;
  #text = "";
  /** Where each variable starts and, exclusive, ends. */
  readonly #places = new Int32Array(2 * VARIABLES_MAX);
  #count = 0;
  /** The hashes before a sign: the number's, if one follows. */
  #signHigh = 0;
  #signLow = 0;
  /** The hashes behind the letters that a run begins with. */
  #wordHigh = 0;
  #wordLow = 0;

  scan(text: string): void {
    this.#text = text;
    this.#count = 0;
    let high = HIGH_START;
    let low = LOW_START;
    for (let i = 0; i < text.length; ) {
      const code = text.charCodeAt(i);
      const kind = kindOf(code);
      if ((kind & ALPHANUMERIC) !== 0) {
        let letters = OTHER;
        let end = i;
        let wordHigh = high;
        let wordLow = low;
        let nextCode = code;
        let next = kind;
        while ((next & LETTERS) !== 0) {
          letters |= next;
          wordHigh = Math.imul(wordHigh ^ nextCode, HIGH_FACTOR);
          wordLow = Math.imul(wordLow + nextCode, LOW_FACTOR);
          end += 1;
          nextCode = codeAt(text, end);
          next = kindOf(nextCode);
        }
        const isPrefix = (letters & LETTER) !== 0;
        if ((next & (isPrefix ? DIGIT : DIGIT_OR_ADDRESS)) === 0) {
          high = wordHigh;
          low = wordLow;
          i = end;
          continue;
        }
        this.high = high;
        this.low = low;
        this.#wordHigh = wordHigh;
        this.#wordLow = wordLow;
        i = this.#word(text, i, end, isPrefix);
        high = this.high;
        low = this.low;
        continue;
      }
      let end = i;
      if ((kind & SPECIAL) !== 0) {
        end = specialEnd(text, i, code);
        this.#signHigh = high;
        this.#signLow = low;
      }
      const what = end > i ? VARIABLE_CODE : code;
      high = Math.imul(high ^ what, HIGH_FACTOR);
      low = Math.imul(low + what, LOW_FACTOR);
      i = end > i ? this.#place(i, end) : i + 1;
    }
    this.high = high;
    this.low = mixed(low);
  }

  /** Of the line that was scanned last. */
  split(): SplitLine {
    const variables: string[] = [];
    let skeleton = "";
    let copiedTo = 0;
    for (let i = 0; i < this.#count; i += 1) {
      const start = this.#places[2 * i] as number;
      const end = this.#places[2 * i + 1] as number;
      skeleton += this.#text.slice(copiedTo, start) + MARKER;
      variables.push(this.#text.slice(start, end));
      copiedTo = end;
    }
    return { skeleton: skeleton + this.#text.slice(copiedTo), variables };
  }

  /** A run of letters and digits, of which the letters up to `lettersEnd` are no variable yet. */
  #word(text: string, start: number, lettersEnd: number, isPrefix: boolean): number {
    let end = lettersEnd;
    let tail = OTHER;
    for (let kind = classAt(text, end); (kind & ALPHANUMERIC) !== 0; kind = classAt(text, end)) {
      tail |= kind;
      end += 1;
    }
    const isHexadecimal = !isPrefix && (tail & LETTER) === 0;
    const addressEnd = isHexadecimal ? groupsEnd(text, start, end) : 0;
    const isWord = addressEnd === 0 && tail === OTHER;
    if (isWord || (isPrefix && tail === DIGIT)) {
      this.high = this.#wordHigh;
      this.low = this.#wordLow;
      return isWord ? end : this.#add(lettersEnd, joinedEnd(text, end));
    }
    const variableEnd = addressEnd > 0 ? addressEnd : joinedEnd(text, end);
    if (!hasSign(text, start)) return this.#add(start, variableEnd);
    this.high = this.#signHigh;
    this.low = this.#signLow;
    return this.#add(start - 1, variableEnd);
  }

  #add(start: number, end: number): number {
    this.high = Math.imul(this.high ^ VARIABLE_CODE, HIGH_FACTOR);
    this.low = Math.imul(this.low + VARIABLE_CODE, LOW_FACTOR);
    return this.#place(start, end);
  }

  /** @returns where the scan goes on */
  #place(start: number, variableEnd: number): number {
    const end = this.#count === VARIABLES_MAX - 1 ? this.#text.length : variableEnd;
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

/** Where the variable ends that begins with this character; `start`: none does. */
function specialEnd(text: string, start: number, code: number): number {
  if (code === NUL) return start + 1;
  if (code === QUOTE) return quotedEnd(text, start);
  if (code === SLASH) {
    const isFirst = start === 0 || (classAt(text, start - 1) & PATH_BEFORE) !== 0;
    return isFirst ? pathEnd(text, start, 2) : start;
  }
  if (code !== COLON) return start;
  const next = text.charCodeAt(start + 1);
  if (next === COLON) return ipv6End(text, start) || start;
  const isUrl =
    next === SLASH &&
    text.charCodeAt(start + 2) === SLASH &&
    isAlphanumeric(classAt(text, start - 1));
  return isUrl ? pathEnd(text, start, 4) : start;
}

/** A colon or a full stop at its end is the sentence's. `start`: it is shorter than `lengthMin`. */
function pathEnd(text: string, start: number, lengthMin: number): number {
  let end = start;
  while (end < text.length && (classAt(text, end) & PATH_END) === 0) end += 1;
  while (text.charCodeAt(end - 1) === COLON) end -= 1;
  return end - start < lengthMin ? start : end;
}

/** A sign belongs to the number behind it, unless it is a hyphen or a dash. */
function hasSign(text: string, start: number): boolean {
  const sign = text.charCodeAt(start - 1);
  if (sign !== MINUS && sign !== PLUS) return false;
  if (classAt(text, start) !== DIGIT) return false;
  if (sign === PLUS) return true;
  const before = text.charCodeAt(start - 2);
  return before !== MINUS && !isAlphanumeric(classAt(text, start - 2));
}

/** Where a variable ends whose first run ends at `runEnd`: further runs may be joined to it. */
function joinedEnd(text: string, runEnd: number): number {
  let end = runEnd;
  while (
    (classAt(text, end) & JOINER) !== 0 &&
    classAt(text, end - 1) === DIGIT &&
    classAt(text, end + 1) === DIGIT
  ) {
    end += 1;
    while (isAlphanumeric(classAt(text, end))) end += 1;
  }
  return end;
}

/** Where the UUID, MAC or IPv6 address ends whose first group is `start` to `end`; 0: it is none. */
function groupsEnd(text: string, start: number, end: number): number {
  const separator = text.charCodeAt(end);
  if (separator !== COLON && separator !== MINUS) return 0;
  if (separator === MINUS && end - start === 8 && isUuid(text, start)) return start + 36;
  if (end - start === 2 && isMac(text, start, separator)) return start + 17;
  return separator === COLON && end - start <= 4 ? ipv6End(text, start) : 0;
}

function isUuid(text: string, start: number): boolean {
  let groupStart = start;
  for (const length of [8, 4, 4, 4, 12]) {
    if (groupStart > start && text.charCodeAt(groupStart - 1) !== MINUS) return false;
    if (!isHexGroup(text, groupStart, length)) return false;
    groupStart += length + 1;
  }
  return true;
}

function isMac(text: string, start: number, separator: number): boolean {
  // Of a time, which is far more frequent, the last separator is missing.
  if (text.charCodeAt(start + 14) !== separator) return false;
  for (let group = 0; group < 6; group += 1) {
    const groupStart = start + 3 * group;
    if (group > 0 && text.charCodeAt(groupStart - 1) !== separator) return false;
    if (!isHexGroup(text, groupStart, 2)) return false;
  }
  return true;
}

function isHexGroup(text: string, start: number, length: number): boolean {
  for (let i = start; i < start + length; i += 1) if (!isHexDigit(classAt(text, i))) return false;
  return !isAlphanumeric(classAt(text, start + length));
}

/** RFC 4291 2.2: eight groups, or fewer around one `::`; at least one digit, so no `abc::de`. */
function ipv6End(text: string, start: number): number {
  if (isAlphanumeric(classAt(text, start - 1))) return 0;
  let seen = OTHER;
  let colons = 0;
  let end = start;
  for (let kind = classAt(text, end); (kind & IPV6_KINDS) !== 0; kind = classAt(text, end)) {
    const code = text.charCodeAt(end);
    if ((kind & JOINER) !== 0 && code !== COLON && code !== FULL_STOP) break;
    if (code === COLON) colons += 1;
    seen |= kind;
    end += 1;
    if (end - start > IPV6_LENGTH_MAX) return 0;
  }
  if (isAlphanumeric(classAt(text, end)) || (seen & DIGIT) === 0) return 0;
  const hasGap = text.slice(start, end).includes("::");
  return (hasGap && colons <= 8) || colons === 7 ? sentenceEnd(text, end) : 0;
}

/** A colon or a full stop behind an address belongs to the sentence. */
function sentenceEnd(text: string, from: number): number {
  let end = from;
  for (;;) {
    const isColon = text.charCodeAt(end - 1) === COLON && text.charCodeAt(end - 2) !== COLON;
    if (!isColon && text.charCodeAt(end - 1) !== FULL_STOP) return end;
    end -= 1;
  }
}

const IPV6_KINDS = HEX_LETTER | DIGIT | JOINER;
const IPV6_LENGTH_MAX = 45;

/** OTHER beyond the text's ends: V8 is slow where a character is asked for that is not there. */
function classAt(text: string, index: number): number {
  return index < 0 || index >= text.length ? OTHER : kindOf(text.charCodeAt(index));
}

function kindOf(code: number): number {
  return code < 128 ? (CLASSES[code] as number) : OTHER;
}

/** A space beyond the text's end. */
function codeAt(text: string, index: number): number {
  return index < text.length ? text.charCodeAt(index) : SPACE;
}

function isAlphanumeric(kind: number): boolean {
  return (kind & ALPHANUMERIC) !== 0;
}

function isHexDigit(kind: number): boolean {
  return (kind & (HEX_LETTER | DIGIT)) !== 0;
}

function classes(): Uint8Array {
  const table = new Uint8Array(128);
  const add = (kind: number, pattern: RegExp) => {
    for (let code = 0; code < 128; code += 1) {
      if (pattern.test(String.fromCharCode(code))) table[code] = (table[code] as number) | kind;
    }
  };
  add(DIGIT, /[0-9]/);
  add(HEX_LETTER, /[a-fA-F]/);
  add(LETTER, /[g-zG-Z]/);
  add(JOINER, /[.:\-/,]/);
  add(SPECIAL, /[:\-+/\0"]/);
  add(ADDRESS, /[:-]/);
  add(PATH_END, /[\s"'()[\]{}<>,;]/);
  add(PATH_BEFORE, /[\s"'()[\]{}<>,;=:|!?]/);
  return table;
}
