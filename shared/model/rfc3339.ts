/** Instants as RFC 3339 text, in the proleptic Gregorian calendar. */
const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d";
const FORM = new RegExp(
  `^(\\d{4}-\\d\\d-\\d\\d)[Tt ]${TIME}:[0-5]\\d(?:\\.\\d{1,9})?(?:[Zz]|[+-]${TIME})$`,
);
/** The furthest from 1970 that a date of JavaScript can be. */
export const TIME_MAX_MS = 8.64e15;

/** Go's zero time: stands for "not yet". */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** Unix milliseconds, further decimals cut off; null when the text is no such instant. */
export function parseRfc3339(text: string): number | null {
  const [, day] = FORM.exec(text) ?? [];
  if (day === undefined) return null;
  // A month's 31st that there is not would be the next one's first.
  const isDay = dateOf(day).toJSON()?.startsWith(day) === true;
  return isDay ? dateOf(text.toUpperCase().replace(" ", "T")).getTime() : null;
}

/** In UTC; decimals only where there are some, without trailing zeros, as Go prints a time. */
export function formatRfc3339(timeMs: number): string {
  const date = dateOf(Math.min(Math.max(timeMs, -TIME_MAX_MS), TIME_MAX_MS));
  return date.toISOString().replace(/\.?0+Z$/, "Z");
}

function dateOf(time: string | number) {
  // biome-ignore lint/style/noRestrictedGlobals: a conversion, reads no clock
  return new Date(time);
}
