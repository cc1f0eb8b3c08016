/** A part of bytes: from `start` to before `end`. */
export type ByteSpan = {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
};

/** A text as UTF-8. */
export function spanOf(text: string): ByteSpan {
  const bytes = Buffer.from(text);
  return { bytes, start: 0, end: bytes.length };
}

/** From `start` to before `end`, by default the whole span; what is not UTF-8 is replaced. */
export function spanText(span: ByteSpan, start = span.start, end = span.end): string {
  const { buffer, byteOffset } = span.bytes;
  return Buffer.from(buffer, byteOffset + start, end - start).toString();
}
