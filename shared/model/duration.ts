import { OperationalError } from "../errors.ts";

const UNITS_MS = new Map([
  ["y", 365 * 86_400_000],
  ["w", 7 * 86_400_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
]);

const FORM = /^(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$/;

/** Milliseconds of a Prometheus duration (`1h30m`, `250ms`); null: it is none, or too long. */
export function durationMs(text: string): number | null {
  if (text === "" || !FORM.test(text)) return null;
  let totalMs = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|[ywdhms])/g)) {
    totalMs += Number(digits) * (UNITS_MS.get(unit ?? "") ?? 0);
  }
  return Number.isSafeInteger(totalMs) ? totalMs : null;
}

/**
 * As `durationMs`; `0` needs no unit.
 * @throws OperationalError PARSE
 */
export function parseDuration(text: string): number {
  const parsedMs = text === "0" ? 0 : durationMs(text);
  if (parsedMs !== null) return parsedMs;
  throw new OperationalError("PARSE", `Not a duration: "${text}" (write it as 30s, 5m or 1h30m)`);
}

/** The shortest exact Prometheus duration: 5400000 is `1h30m`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  let rest = Math.abs(durationMs);
  let text = durationMs < 0 ? "-" : "";
  for (const [unit, unitMs] of UNITS_MS) {
    // Years and weeks only where they come out even: 90d reads better than 12w6d.
    if ((unit === "y" || unit === "w") && rest % unitMs !== 0) continue;
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text;
}
