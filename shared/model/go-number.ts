/**
 * Numbers as Go reads them, and as Go and Prometheus write them. What is written is the shortest decimal
 * that reads back as the same double, as in JavaScript; what differs is where an exponent stands
 * and how.
 */

/** What `toFixed` and `toExponential` take. */
const DIGITS_MAX = 100;

/** A sample's value; an exponent of at least two digits below 1e-6 and from 1e21 on. */
export function sampleText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e-6 && size < 1e21) return String(value);
  return specialText(value) ?? twoDigitExponent(String(value));
}

/** A scalar's value: never an exponent. */
export function decimalText(value: number): string {
  const special = specialText(value);
  if (special !== null) return special;
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = "", first = "", rest = "", exponent = "0"] = match;
  const digits = first + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, "0"); // from 1e21 on no digit stands behind the point
}

/** An alert's value: always with an exponent, `1e+00`. */
export function exponentText(value: number): string {
  return specialText(value, "-0e+00") ?? twoDigitExponent(value.toExponential());
}

/** `%g`; without a precision the shortest text that reads back as the same number. */
export function formatG(value: number, precision: number | null): string {
  const special = specialText(value);
  if (special !== null || value === 0) return special ?? "0";
  const digits = precision === null ? undefined : Math.max(precision, 1);
  const text = digits === undefined ? value.toExponential() : exponential(value, digits - 1);
  const [mantissa = "", exponent = ""] = text.split("e");
  const size = Number(exponent);
  if (size < -4 || size >= (digits ?? 6)) {
    return twoDigitExponent(`${withoutEndZeros(mantissa)}e${exponent}`);
  }
  if (digits === undefined) return String(value);
  return withoutEndZeros(formatF(value, digits - 1 - size));
}

/** `%f`: all digits before the point whatever the size. */
export function formatF(value: number, precision: number): string {
  if (!Number.isFinite(value)) return specialText(value) ?? "";
  if (Math.abs(value) < 1e21) {
    const text = fixed(value, precision);
    return Object.is(value, -0) ? `-${text}` : text;
  }
  return `${BigInt(value)}${precision > 0 ? `.${"0".repeat(precision)}` : ""}`;
}

/** `%e` */
export function formatE(value: number, precision: number): string {
  if (!Number.isFinite(value)) return specialText(value) ?? "";
  return twoDigitExponent(exponential(value, precision));
}

function fixed(value: number, digits: number): string {
  return tieToEven((count) => value.toFixed(count), digits);
}

function exponential(value: number, digits: number): string {
  return tieToEven((count) => value.toExponential(count), digits);
}

/**
 * What lies in the middle between two decimals becomes the even one, as in Go; JavaScript takes the
 * larger.
 */
function tieToEven(write: (digits: number) => string, wanted: number): string {
  const digits = Math.min(Math.max(wanted, 0), DIGITS_MAX);
  const exact = write(DIGITS_MAX);
  const end = exact.indexOf(".") + 1 + digits;
  const [rest = "", exponent] = exact.slice(end).split("e");
  const kept = exact.slice(0, digits === 0 ? end - 1 : end);
  if (!/^50*$/.test(rest) || !/[02468]$/.test(kept)) return write(digits);
  return exponent === undefined ? kept : `${kept}e${exponent}`;
}

function withoutEndZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Seconds with up to three decimals, exact: doubles would print 1435781451.7810001. */
export function secondsText(timeMs: number): string {
  const sign = timeMs < 0 ? "-" : "";
  const absMs = Math.abs(timeMs);
  const millis = absMs % 1000;
  const seconds = `${sign}${Math.floor(absMs / 1000)}`;
  return millis === 0 ? seconds : `${seconds}.${String(millis).padStart(3, "0")}`;
}

function specialText(value: number, negativeZero = "-0"): string | null {
  if (Number.isNaN(value)) return "NaN";
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return Object.is(value, -0) ? negativeZero : null;
}

function twoDigitExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

// A digit can be read in one way only, so that a long word that is no number takes no time.
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEXADECIMAL =
  /^([+-]?)0[xX](?=\.?[\da-fA-F])([\da-fA-F]*)(?:\.([\da-fA-F]*))?[pP]([+-]?\d+)$/;
const SPECIAL = /^([+-]?)(?:inf|infinity)$|^nan$/i;

/**
 * As Go's ParseFloat: decimal, hexadecimal with a power of two (`0x1p-2`), Inf and NaN in any case;
 * but no underscores, as in Prometheus. Null when it is no number, or larger than a double can be.
 */
export function parseGoNumber(text: string): number | null {
  if (DECIMAL.test(text)) return finite(Number(text));
  const special = SPECIAL.exec(text);
  if (special !== null) {
    if (special[1] === undefined) return Number.NaN;
    return special[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const [, sign, whole = "", fraction = "", exponent] = HEXADECIMAL.exec(text) ?? [];
  if (exponent === undefined) return null;
  const mantissa = Number(`0x${whole}${fraction}`) * (sign === "-" ? -1 : 1);
  if (mantissa === 0) return mantissa;
  // In two steps: the power alone may be too small for a double where the product is not.
  const power = Number(exponent) - 4 * fraction.length;
  const half = Math.trunc(power / 2);
  return finite(mantissa * 2 ** half * 2 ** (power - half));
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
