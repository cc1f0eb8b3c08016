import { durationMs } from "../../shared/model/duration.ts";

/** Number and duration literals of PromQL; the forms are those of Go, as in Prometheus. */

/**
 * The number a literal stands for, without a sign; a duration counts seconds. Null when the text is
 * none. A whole number that begins with 0 is octal.
 */
export function parseNumberText(text: string): number | null {
  const lower = text.toLowerCase();
  if (lower === "inf") return Number.POSITIVE_INFINITY;
  if (lower === "nan") return Number.NaN;
  const milliseconds = durationMs(text);
  if (milliseconds !== null) return milliseconds / 1000;
  const digits = lower.replaceAll("_", "");
  if (/^0x[0-9a-f]+$/.test(digits)) return Number(digits);
  if (/^0[0-7]+$/.test(digits)) return Number.parseInt(digits, 8);
  return /^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(digits) ? Number(digits) : null;
}
