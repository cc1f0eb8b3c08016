import { formatG } from "../../shared/model/go-number.ts";

/** As Go prints a duration: 1h1m1.5s, 1.5ms. */
export function goDurationText(seconds: number): string {
  if (seconds === 0) return "0s";
  const sign = seconds < 0 ? "-" : "";
  const size = Math.abs(seconds);
  for (const [unit, least] of SMALL_UNITS) {
    if (size < least * 1000) {
      return `${sign}${formatG(Number((size / least).toPrecision(12)), null)}${unit}`;
    }
  }
  const [hours, minutes] = [Math.floor(size / 3600), Math.floor(size / 60) % 60];
  const rest = `${formatG(secondsLeft(size), null)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${sign}${minutes}m${rest}` : sign + rest;
}

const SMALL_UNITS = [
  ["ns", 1e-9],
  ["µs", 1e-6],
  ["ms", 1e-3],
] as const;

/** To the nanosecond at most, and no finer than a number of this size can say. */
function secondsLeft(size: number): number {
  const digits = 14 - String(Math.trunc(size)).length;
  return Number((size % 60).toFixed(Math.max(0, Math.min(9, digits))));
}
