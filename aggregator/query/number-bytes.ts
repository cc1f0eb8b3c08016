import { sampleText } from "../../shared/model/go-number.ts";

/** The most bytes that `writeSample` and `writeSeconds` need. */
export const NUMBER_BYTES_MAX = 32;

const ZERO = 48;
const POINT = 46;
const MINUS = 45;
const BILLION = 1e9;
/** Up to here a whole number of thousandths has at most 15 digits, which read back as one double only. */
const THOUSANDTHS_MAX = 1e15;

/**
 * Writes a sample's value as `sampleText` has it. Whole numbers and those with few decimals, which most
 * values are, take no string.
 * @returns where it ends
 */
export function writeSample(bytes: Uint8Array, start: number, value: number): number {
  const size = Math.abs(value);
  if (size < 2 ** 53 && Math.floor(size) === size) {
    if (size === 0 && Object.is(value, -0)) return writeText(bytes, start, "-0");
    return writeWhole(bytes, signed(bytes, start, value), size);
  }
  const thousandths = Math.round(size * 1000);
  if (thousandths / 1000 === size && thousandths > 0 && thousandths < THOUSANDTHS_MAX) {
    return writeThousandths(bytes, signed(bytes, start, value), thousandths);
  }
  return writeText(bytes, start, sampleText(value));
}

/** Writes a time as `secondsText` has it: seconds, with three decimals where they are not 0. */
export function writeSeconds(bytes: Uint8Array, start: number, timeMs: number): number {
  const sizeMs = Math.abs(timeMs);
  const seconds = Math.floor(sizeMs / 1000);
  const end = writeWhole(bytes, signed(bytes, start, timeMs), seconds);
  const millis = sizeMs - seconds * 1000;
  return millis === 0 ? end : writeDecimals(bytes, end, Math.floor(millis));
}

function signed(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0) return at;
  bytes[at] = MINUS;
  return at + 1;
}

/** 0 to 2^53. */
function writeWhole(bytes: Uint8Array, start: number, value: number): number {
  if (value < BILLION) return writeSmall(bytes, start, value, digitsOf(value));
  const high = Math.floor(value / BILLION);
  const end = writeSmall(bytes, start, high, digitsOf(high));
  return writeSmall(bytes, end, value - high * BILLION, 9);
}

/** The last `digits` digits of a number below a billion. */
function writeSmall(bytes: Uint8Array, start: number, value: number, digits: number): number {
  let rest = value | 0;
  for (let at = start + digits - 1; at >= start; at -= 1) {
    const higher = (rest / 10) | 0;
    bytes[at] = ZERO + rest - higher * 10;
    rest = higher;
  }
  return start + digits;
}

function digitsOf(value: number): number {
  if (value < 1e4) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1000 ? 3 : 4;
  }
  if (value < 1e6) return value < 1e5 ? 5 : 6;
  if (value < 1e8) return value < 1e7 ? 7 : 8;
  return 9;
}

function writeThousandths(bytes: Uint8Array, start: number, thousandths: number): number {
  const whole = Math.floor(thousandths / 1000);
  const end = writeWhole(bytes, start, whole);
  let last = writeDecimals(bytes, end, thousandths - whole * 1000);
  while (bytes[last - 1] === ZERO) last -= 1;
  return last;
}

function writeDecimals(bytes: Uint8Array, at: number, thousandths: number): number {
  bytes[at] = POINT;
  return writeSmall(bytes, at + 1, thousandths, 3);
}

function writeText(bytes: Uint8Array, start: number, text: string): number {
  for (let i = 0; i < text.length; i += 1) bytes[start + i] = text.charCodeAt(i);
  return start + text.length;
}
