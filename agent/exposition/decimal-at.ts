import { parseGoNumber } from "../../shared/model/go-number.ts";
import { MINUS, NEWLINE, SPACE, ZERO } from "./exposition-bytes.ts";

const DOT = 46;
const PLUS = 43;
const LARGE_E = 69;
const SMALL_E = 101;
/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const POWER_MAX = 22;
const EXPONENT_MAX = 9999;

/**
 * Reads decimals whose digits and power of ten are both exact as doubles, so that one division or
 * multiplication gives the nearest double: nearly all that exporters write. For the rest there is
 * `parseGoNumber`.
 */
export class DecimalAt {
  value = 0;
  /** Where the digits that were read last end. */
  #digitsEnd = 0;

  /** Where the number ends, at a space or a newline; -1: not one of these. */
  read(bytes: Uint8Array, start: number): number {
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let digits = this.#readDigits(bytes, first, 0);
    let at = this.#digitsEnd;
    let power = 0;
    let digitCount = at - first;
    if (bytes[at] === DOT) {
      digits = this.#readDigits(bytes, at + 1, digits);
      power = at + 1 - this.#digitsEnd;
      digitCount -= power;
      at = this.#digitsEnd;
    }
    if (digitCount === 0 || digits > Number.MAX_SAFE_INTEGER) return -1;
    if (isNegative) digits = -digits;
    const behind = bytes[at];
    if (behind === SMALL_E || behind === LARGE_E) {
      return this.#readExponent(bytes, at + 1, digits, power);
    }
    if ((behind !== SPACE && behind !== NEWLINE) || power < -POWER_MAX) return -1;
    this.value = power === 0 ? digits : digits / (POWERS[-power] ?? 1);
    return at;
  }

  /** Those from `start` on, behind the digits `before`. */
  #readDigits(bytes: Uint8Array, start: number, before: number): number {
    let at = start;
    let digits = before;
    for (; ; at += 1) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      digits = digits * 10 + digit;
    }
    this.#digitsEnd = at;
    return digits;
  }

  #readExponent(bytes: Uint8Array, start: number, digits: number, power: number): number {
    let at = start;
    const isNegative = bytes[at] === MINUS;
    if (isNegative || bytes[at] === PLUS) at += 1;
    const first = at;
    let exponent = 0;
    for (; exponent < EXPONENT_MAX; at += 1) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      exponent = exponent * 10 + digit;
    }
    if (at === first || (bytes[at] !== SPACE && bytes[at] !== NEWLINE)) return -1;
    const sum = power + (isNegative ? -exponent : exponent);
    if (sum > POWER_MAX || sum < -POWER_MAX) return -1;
    this.value = sum < 0 ? digits / (POWERS[-sum] ?? 1) : digits * (POWERS[sum] ?? 1);
    return at;
  }
}

/**
 * Any other number that Prometheus takes, NaN and Inf too; null: none. Of Go's numbers those with a
 * power of two are left out: older versions of Go did not know them.
 */
export function goNumberAt(bytes: Uint8Array, start: number, end: number): number | null {
  const word = Buffer.from(bytes.subarray(start, end)).toString("latin1");
  return /[pP]/.test(word) ? null : parseGoNumber(word);
}
