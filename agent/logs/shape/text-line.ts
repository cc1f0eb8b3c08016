export type StreamName = "" | "stdout" | "stderr";

/**
 * A line on its way through the shaper: the bytes in [start, end), of the file from `startOffset` to
 * `endOffset`. There is one object a source of lines: a stage changes it and passes it on, and none
 * keeps it, or its bytes, longer than until the next region (see `LineSink`).
 */
export type TextLine = {
  bytes: Uint8Array;
  start: number;
  end: number;
  startOffset: number;
  endOffset: number;
  /** Unix microseconds; null: the source says none. */
  timeUs: number | null;
  stream: StreamName;
  isCut: boolean;
};

export function newTextLine(): TextLine {
  const bytes = new Uint8Array(0);
  const offsets = { startOffset: 0, endOffset: 0 };
  return { bytes, start: 0, end: 0, ...offsets, timeUs: null, stream: "", isCut: false };
}

export function copyLine(to: TextLine, from: TextLine): void {
  to.bytes = from.bytes;
  to.start = from.start;
  to.end = from.end;
  to.startOffset = from.startOffset;
  to.endOffset = from.endOffset;
  to.timeUs = from.timeUs;
  to.stream = from.stream;
  to.isCut = from.isCut;
}

/** A line of its own memory. */
export function ownedLine(from: TextLine): TextLine {
  const bytes = from.bytes.slice(from.start, from.end);
  return { ...from, bytes, start: 0, end: bytes.length };
}

/** One character a byte, so that positions are those of the bytes. */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

/** Room for text that grows; gives memory back once a long one is done. */
export class TextRoom {
  static readonly #KEPT_BYTES_MAX = 64 * 1024;
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;

  append(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    if (end - start < 64) {
      for (let i = start; i < end; i += 1) this.bytes[this.length + i - start] = bytes[i] ?? 0;
    } else {
      this.bytes.set(bytes.subarray(start, end), this.length);
    }
    this.length += end - start;
  }

  appendByte(byte: number): void {
    this.#reserve(1);
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  clear(): void {
    this.length = 0;
    if (this.bytes.length > TextRoom.#KEPT_BYTES_MAX) this.bytes = new Uint8Array(0);
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2, 256));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
