import { isUtf8 } from "node:buffer";

/** How a file writes its text. */
export type Encoding = "utf-8" | "utf-16le" | "utf-16be";

/** What the byte order mark at the beginning of a file says; UTF-8 where there is none. */
export function encodingOf(head: Uint8Array): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  return head[0] === 0xfe && head[1] === 0xff ? "utf-16be" : "utf-8";
}

/** Bytes of the byte order mark at the beginning of `head`. */
export function markBytes(head: Uint8Array): number {
  if (encodingOf(head) !== "utf-8") return 2;
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
}

/** Whether more bytes are needed to tell what `markBytes` says. */
export function isMarkUnclear(head: Uint8Array): boolean {
  if (head.length === 0) return true;
  if (head.length === 1) return head[0] === 0xff || head[0] === 0xfe || head[0] === 0xef;
  return head.length === 2 && head[0] === 0xef && head[1] === 0xbb;
}

export function isValidUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  return isUtf8(bytes.subarray(start, end));
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
const UTF16LE = new TextDecoder("utf-16le", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Valid UTF-8: sequences that are none become U+FFFD, as the WHATWG's Encoding standard says. */
export function replaceInvalid(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return ENCODER.encode(UTF8.decode(bytes.subarray(start, end)));
}

export function utf8OfUtf16(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return ENCODER.encode(UTF16LE.decode(bytes.subarray(start, end)));
}

/**
 * Where text in [start, limit) ends when nothing behind `limit` may be looked at: before a character
 * of UTF-8 that is not complete there.
 */
export function characterEnd(bytes: Uint8Array, start: number, limit: number): number {
  for (let back = 1; back <= 3 && limit - back >= start; back += 1) {
    const byte = bytes[limit - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return sequenceLength(byte) > back ? limit - back : limit;
  }
  return limit;
}

function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return lead < 0xf8 ? 4 : 1;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}
