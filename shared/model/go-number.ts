/**
 * Numbers as Prometheus puts them into its JSON. All are the shortest decimal that reads back as
 * the same double, as in JavaScript; what differs is where an exponent stands and how.
 */

/** A sample's value; an exponent of at least two digits below 1e-6 and from 1e21 on. */
export function sampleText(value: number): string {
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
