import { parseGoNumber } from "../../shared/model/go-number.ts";

const ZERO = 48;
const POINT = 46;
const PLUS = 43;
const MINUS = 45;
/** Both are exact in a double up to here, and so is then the one multiplication or division. */
const MANTISSA_MAX = 2 ** 53;
const POWERS = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

/**
 * The number in `bytes` from `start` to `end`, as `parseGoNumber`. Of up to 15 digits it is read
 * without making a text of it.
 */
export function numberAt(bytes: Uint8Array, start: number, end: number): number | null {
  const first = bytes[start];
  let at = first === MINUS || first === PLUS ? start + 1 : start;
  let mantissa = 0;
  let digits = 0;
  let point = -1;
  for (; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= ZERO && byte <= ZERO + 9) {
      mantissa = mantissa * 10 + (byte - ZERO);
      digits += 1;
    } else if (byte === POINT && point < 0) point = digits;
    else break;
    if (mantissa > MANTISSA_MAX) return slowNumber(bytes, start, end);
  }
  const exponent = at < end ? exponentAt(bytes, at, end) : 0;
  const power = point < 0 ? exponent : exponent - (digits - point);
  if (digits === 0 || !(Math.abs(power) < POWERS.length)) return slowNumber(bytes, start, end);
  const size = power < 0 ? mantissa / (POWERS[-power] ?? 1) : mantissa * (POWERS[power] ?? 1);
  return first === MINUS ? -size : size;
}

/** Of `e+06`; NaN for anything else, and for more than two digits. */
function exponentAt(bytes: Uint8Array, start: number, end: number): number {
  if (((bytes[start] ?? 0) | 32) !== 101) return Number.NaN;
  const sign = bytes[start + 1];
  const from = sign === MINUS || sign === PLUS ? start + 2 : start + 1;
  if (end - from < 1 || end - from > 2) return Number.NaN;
  let exponent = 0;
  for (let at = from; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    exponent = exponent * 10 + digit;
  }
  return sign === MINUS ? -exponent : exponent;
}

function slowNumber(bytes: Uint8Array, start: number, end: number): number | null {
  const word = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  return parseGoNumber(word.toString("latin1"));
}
