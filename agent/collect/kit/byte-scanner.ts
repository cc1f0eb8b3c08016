/** There is no such value: the key is missing, or what stands there is not a whole number. */
export const ABSENT = -1;

const NEWLINE = 10;
const SPACE = 32;
const TAB = 9;
const POINT = 46;
const ZERO = 48;
/** 2^64 has 20 digits. */
const DIGITS_MAX = 20;
/** 2^64 has 16 hexadecimal digits. */
const HEX_DIGITS_MAX = 16;
const LOWER_A = 97;
const LOWER_CASE_BIT = 32;
const COLON = 58;
/** Every integer of 15 digits is exact in a double. */
const DIGITS_EXACT = 15;

/**
 * Reads numbers and words from the bytes of a /proc or cgroup file, without making strings. Never
 * reads beyond `length`, and every method but the questions moves `at` forwards only.
 */
export class ByteScanner {
  /**
   * Lives for ever: what V8 compiled for a class goes when a collection of garbage finds no instance,
   * and scanners live for a file.
   */
  static readonly first = new ByteScanner(new Uint8Array(0), 0);
  readonly bytes: Uint8Array;
  readonly length: number;
  at = 0;
  /** Numbers that were none. */
  malformed = 0;

  constructor(bytes: Uint8Array, length: number) {
    this.bytes = bytes;
    this.length = Math.min(length, bytes.length);
  }

  get isDone(): boolean {
    return this.at >= this.length;
  }

  get isAtLineEnd(): boolean {
    return this.at >= this.length || this.bytes[this.at] === NEWLINE;
  }

  skipSpaces(): void {
    const { bytes, length } = this;
    let at = this.at;
    while (at < length && (bytes[at] === SPACE || bytes[at] === TAB)) at += 1;
    this.at = at;
  }

  /** To the next space or tab, or the end of the line. */
  skipWord(): void {
    const { bytes, length } = this;
    let at = this.at;
    while (at < length) {
      const byte = bytes[at] ?? NEWLINE;
      if (byte === SPACE || byte === NEWLINE || byte === TAB) break;
      at += 1;
    }
    this.at = at;
  }

  /** Just behind the next `byte` of this line; false (and at the line's end) when it has none. */
  skipPast(wanted: number): boolean {
    const { bytes, length } = this;
    let at = this.at;
    while (at < length && bytes[at] !== NEWLINE) {
      at += 1;
      if (bytes[at - 1] === wanted) {
        this.at = at;
        return true;
      }
    }
    this.at = at;
    return false;
  }

  /** To the first byte of the next line. */
  skipLine(): void {
    const { bytes, length } = this;
    let at = this.at;
    while (at < length && bytes[at] !== NEWLINE) at += 1;
    this.at = at + 1;
  }

  /**
   * The whole number of the word at `at`, after spaces. ABSENT, counted as malformed, for any other
   * word; ABSENT, not counted, where the line ends. Leaves `at` behind the word.
   */
  count(): number {
    this.skipSpaces();
    if (this.isAtLineEnd) return ABSENT;
    const { bytes, length } = this;
    const start = this.at;
    let at = start;
    let value = 0;
    while (at < length) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at += 1;
    }
    this.at = at;
    const digits = at - start;
    if (digits === 0 || digits > DIGITS_MAX || !this.#isWordEnd(at)) return this.#refuse();
    return digits > DIGITS_EXACT ? Number(asciiText(bytes, at, start)) : value;
  }

  /** The next `count` numbers of the line, from `values[first]` on. */
  counts(values: Float64Array, count: number, first = 0): void {
    for (let i = 0; i < count; i += 1) values[first + i] = this.count();
  }

  skipWords(count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.skipSpaces();
      this.skipWord();
    }
  }

  /** As `count`, of a hexadecimal number; a colon ends it too (`tx:rx`). */
  hex(): number {
    this.skipSpaces();
    if (this.isAtLineEnd) return ABSENT;
    const { bytes } = this;
    const start = this.at;
    let value = 0;
    for (; this.at < this.length; this.at += 1) {
      const digit = hexDigit(bytes[this.at] ?? 0);
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    const digits = this.at - start;
    const isEnd = this.#isWordEnd(this.at) || bytes[this.at] === COLON;
    return digits > 0 && digits <= HEX_DIGITS_MAX && isEnd ? value : this.#refuse();
  }

  /** A decimal such as `0.45` as an integer: 45 for 2 decimals. Digits beyond are cut off. */
  decimal(decimals: number): number {
    this.skipSpaces();
    const { bytes, length } = this;
    const start = this.at;
    let at = start;
    let value = 0;
    let places = -1;
    while (at < length && at - start <= DIGITS_MAX) {
      const byte = bytes[at] ?? 0;
      const digit = byte - ZERO;
      if (byte === POINT && places < 0 && at > start) places = 0;
      else if (digit < 0 || digit > 9) break;
      else if (places < decimals) {
        value = value * 10 + digit;
        if (places >= 0) places += 1;
      }
      at += 1;
    }
    this.at = at;
    if (at === start || !this.#isWordEnd(at)) return this.#refuse();
    return value * 10 ** (decimals - Math.max(places, 0));
  }

  #isWordEnd(at: number): boolean {
    if (at >= this.length) return true;
    const byte = this.bytes[at];
    return byte === SPACE || byte === NEWLINE || byte === TAB;
  }

  #refuse(): number {
    this.malformed += 1;
    this.skipWord();
    return ABSENT;
  }
}

function hexDigit(byte: number): number {
  const decimal = byte - ZERO;
  if (decimal >= 0 && decimal <= 9) return decimal;
  const letter = (byte | LOWER_CASE_BIT) - LOWER_A;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

/** The bytes in [start, end) as text; bytes above 127 become the character of that number. */
export function asciiText(bytes: Uint8Array, end: number, start = 0): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}
