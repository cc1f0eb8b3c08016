import { durationMs } from "../../shared/model/duration.ts";

/** Number, string and duration literals of PromQL; the forms are those of Go, as in Prometheus. */

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

const ESCAPES = new Map([
  ["a", 7],
  ["b", 8],
  ["f", 12],
  ["n", 10],
  ["r", 13],
  ["t", 9],
  ["v", 11],
  ["\\", 92],
  ['"', 34],
  ["'", 39],
]);

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gsu;

/**
 * The text of a quoted literal (`"…"`, `'…'`, `` `…` ``), or null when it is not well formed. Bytes
 * written as `\xff` that are no UTF-8 become U+FFFD.
 */
export function unquote(literal: string): string | null {
  const quote = literal[0];
  if (literal.length < 2 || literal.at(-1) !== quote) return null;
  const body = literal.slice(1, -1);
  if (quote === "`") return body;
  if (!body.includes("\\")) return body.includes("\n") ? null : body;
  return unescapeBytes(body, quote ?? "");
}

function unescapeBytes(body: string, quote: string): string | null {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const found of body.matchAll(ESCAPE)) {
    parts.push(encoder.encode(body.slice(end, found.index)));
    const bytes = escapedBytes(found, quote);
    if (bytes === null) return null;
    parts.push(bytes);
    end = found.index + found[0].length;
  }
  const rest = body.slice(end);
  if (rest.includes("\\")) return null;
  parts.push(encoder.encode(rest));
  return new TextDecoder().decode(concat(parts));
}

function escapedBytes(found: RegExpExecArray, quote: string): Uint8Array | null {
  const [, hex, short, long, octal, single] = found;
  if (hex !== undefined) return Uint8Array.of(Number.parseInt(hex, 16));
  if (octal !== undefined) {
    const byte = Number.parseInt(octal, 8);
    return byte > 255 ? null : Uint8Array.of(byte);
  }
  const point = short ?? long;
  if (point !== undefined) {
    const code = Number.parseInt(point, 16);
    return code > 0x10ffff ? null : new TextEncoder().encode(String.fromCodePoint(code));
  }
  if ((single === '"' || single === "'") && single !== quote) return null;
  const byte = ESCAPES.get(single ?? "");
  return byte === undefined ? null : Uint8Array.of(byte);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
