import type { ByteSpan } from "../model/byte-span.ts";

/** What is beyond it tells no two patterns apart, in bytes. */
export const TEXT_BYTES_MAX = 2048;
/** A line that is cut is cut at a space, if there is one in its last bytes. */
const WORD_BYTES_MAX = 200;

const NEWLINE = 0x0a;
const ESCAPE = 0x1b;
const SPACE = 0x20;

/** The part of a line that says what kind of line it is: its first line, without colours, cut. */
export function patternText({ bytes, start, end: lineEnd }: ByteSpan): ByteSpan {
  const end = firstLineEnd(bytes, start, Math.min(lineEnd, start + 2 * TEXT_BYTES_MAX));
  const text = bytes.subarray(start, end);
  const plain = text.includes(ESCAPE) ? withoutColours(text) : text;
  return { bytes: plain, start: 0, end: cutEnd(plain) };
}

/** A newline that the line begins with is no end. */
function firstLineEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at += 1) if (bytes[at] === NEWLINE) return at;
  return end;
}

/** ECMA-48 5.4: control sequences, and escapes that begin none. */
const ANSI = new RegExp(`${String.fromCharCode(ESCAPE)}(?:\\[[0-?]*[ -/]*[@-~])?`, "g");

function withoutColours(text: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(text).toString("latin1").replace(ANSI, ""), "latin1");
}

function cutEnd(text: Uint8Array): number {
  if (text.length <= TEXT_BYTES_MAX) return text.length;
  const space = text.lastIndexOf(SPACE, TEXT_BYTES_MAX);
  if (space > TEXT_BYTES_MAX - WORD_BYTES_MAX) return space;
  let end = TEXT_BYTES_MAX;
  while (isContinuation(text[end] ?? 0) && end > TEXT_BYTES_MAX - 3) end -= 1;
  return end;
}

/** A byte of a character of UTF-8 that is not its first. */
function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
}
