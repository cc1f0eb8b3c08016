import { sampleText } from "../shared/model/go-number.ts";
import { formatRfc3339 } from "../shared/model/rfc3339.ts";

const SIGNIFICANT_DIGITS = 6;

/**
 * A number for a person: six significant digits, but never less than every digit before the point
 * and, where there is a fraction, one after it. Whole numbers stay whole.
 */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return sampleText(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1e15) return String(value);
  if (size < 1e-4) return String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));
  const digitsBefore = Math.max(0, Math.floor(Math.log10(size)) + 1);
  const text = value.toPrecision(SIGNIFICANT_DIGITS);
  return digitsBefore < SIGNIFICANT_DIGITS && text.includes(".") ? trimmed(text) : value.toFixed(1);
}

/** `1.50000` is `1.5`; a fraction that was rounded away leaves `1.0`, for it was not 1. */
function trimmed(text: string): string {
  return text.replace(/0+$/, "").replace(/\.$/, ".0");
}

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
];

/** `5m ago`; in the largest two units, so that 1h 59m does not read as 1h. */
export function formatAgo(timeMs: number, nowMs: number): string {
  if (timeMs === 0) return "never";
  const ageMs = nowMs - timeMs;
  if (Math.abs(ageMs) < 1000) return "now";
  const text = formatAge(Math.abs(ageMs));
  return ageMs > 0 ? `${text} ago` : `in ${text}`;
}

function formatAge(ageMs: number): string {
  const first = UNITS.findIndex(([, ms]) => ageMs >= ms);
  let restMs = ageMs;
  const parts: string[] = [];
  for (const [unit, ms] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(restMs / ms);
    if (count > 0) parts.push(`${count}${unit}`);
    restMs -= count * ms;
  }
  return parts.join(" ");
}

/** Three significant digits: `870µs`, `12.3ms`, `1.5s`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return sampleText(seconds);
  const [unit, scale] =
    seconds >= 1 || seconds === 0
      ? (["s", 1] as const)
      : seconds >= 1e-3
        ? (["ms", 1e3] as const)
        : (["µs", 1e6] as const);
  return `${Number((seconds * scale).toPrecision(3))}${unit}`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** At most four digits: `512B`, `1.5MiB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return sampleText(bytes);
  const step = Math.min(
    BYTE_UNITS.length - 1,
    Math.floor(Math.log2(Math.max(1, Math.abs(bytes))) / 10),
  );
  return `${Number((bytes / 1024 ** step).toPrecision(4))}${BYTE_UNITS[step]}`;
}

/** UTC, RFC 3339; null where there is no time. */
export function isoTime(timeMs: number): string | null {
  return timeMs === 0 ? null : formatRfc3339(timeMs);
}

/** `1 node`, `2 nodes`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
