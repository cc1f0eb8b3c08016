import { parseGoNumber } from "../../shared/model/go-number.ts";
import type { QuantityKind } from "./ast.ts";

/** Seconds that a unit has, or how many of it a second has: a quotient is the nearest double. */
const LONG_UNITS = new Map([
  ["s", 1],
  ["m", 60],
  ["h", 3600],
  ["d", 86_400],
  ["w", 7 * 86_400],
  ["y", 365 * 86_400],
]);
const SHORT_UNITS = new Map([
  ["ns", 1e9],
  ["us", 1e6],
  ["µs", 1e6], // micro sign
  ["μs", 1e6], // Greek mu
  ["ms", 1e3],
]);

/** Each digit can be read in one way only, so that a long text that is none takes no time. */
const DURATION_FORM = /^[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|[smhdwy]))+$/;
const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|[smhdwy])/g;

/**
 * Seconds of a duration as Go (`1h15m30.918273645s`) and Prometheus (`1w2d`) write it; null when it
 * is none.
 */
export function parseSeconds(text: string): number | null {
  if (text === "0") return 0;
  if (!DURATION_FORM.test(text)) return null;
  let seconds = 0;
  for (const [, digits = "", unit = ""] of text.matchAll(DURATION_PART)) {
    const count = Number(digits);
    const parts = SHORT_UNITS.get(unit);
    seconds += parts === undefined ? count * (LONG_UNITS.get(unit) ?? 0) : count / parts;
  }
  return text.startsWith("-") ? -seconds : seconds;
}

const BYTES_FORM = /^(\d[\d,]*(?:\.\d*)?|\.\d+)\s*([kmgtpe]?i?b?|b)$/i;
const PREFIXES = "kmgtpe";

/** As the Go library humanize reads a size: `5 MiB`, `3k`, `1GB`, `20`; null when it is none. */
export function parseBytes(text: string): number | null {
  const [, digits, unit] = BYTES_FORM.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return null;
  const lower = unit.toLowerCase();
  const power = lower === "" ? 0 : PREFIXES.indexOf(lower[0] ?? "") + 1;
  if (power === 0 && lower.startsWith("i")) return null;
  const base = lower[1] === "i" ? 1024 : 1000;
  return Math.trunc(Number(digits.replaceAll(",", "")) * base ** power);
}

/** Null when the text is not of the kind. Durations in seconds. */
export function parseQuantity(text: string, kind: QuantityKind): number | null {
  switch (kind) {
    case "number":
      return parseGoNumber(text);
    case "duration":
      return parseSeconds(text);
    case "bytes":
      return parseBytes(text);
  }
}
