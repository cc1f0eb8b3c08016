import { characterEnd } from "./encoding.ts";
import type { ShapeCounts } from "./shape-counts.ts";
import type { TextLine } from "./text-line.ts";
import { newTextLine, TextRoom } from "./text-line.ts";

/**
 * Takes lines. They come in regions: memory with nothing but whole lines, which stays as it is until
 * the next region or `settle`.
 */
export type LineSink = {
  region(bytes: Uint8Array, start: number, end: number): void;
  line(line: TextLine): void;
  /** The bytes of the last region are about to change. */
  settle(): void;
};

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/**
 * Cuts the bytes of a file at its newlines (LF or CRLF). A line over the limit is cut there, before a
 * character that does not fit, and what is left of it is counted and never held; but a run of NUL at
 * its beginning that alone is over the limit is a hole (a file that was truncated under a writer with
 * an offset of its own) and is left out instead of the text behind it.
 *
 * Invariant: the bytes from #lineStart to #offset are in #held, skipped or of a hole; none is a newline.
 */
export class LineCutter {
  readonly #sink: LineSink;
  readonly #counts: ShapeCounts;
  readonly #lineBytesMax: number;
  /** Bytes of a newline: 2 for UTF-16LE. */
  readonly #width: 1 | 2;
  readonly #line = newTextLine();
  readonly #held = new TextRoom();
  #offset: number;
  #lineStart: number;
  #skipped = 0;
  #isHole = false;

  constructor(
    options: { readonly lineBytesMax: number; readonly width: 1 | 2; readonly offset: number },
    counts: ShapeCounts,
    sink: LineSink,
  ) {
    this.#lineBytesMax = options.lineBytesMax;
    this.#width = options.width;
    this.#offset = options.offset;
    this.#lineStart = options.offset;
    this.#counts = counts;
    this.#sink = sink;
  }

  /** Whether a line without its newline waits. */
  get hasPending(): boolean {
    return this.#offset > this.#lineStart;
  }

  /** `chunk` may change after the call. */
  push(chunk: Uint8Array): void {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length); // cuts faster
    let at = 0;
    if (this.hasPending) {
      const newline = this.#newline(buffer, 0);
      if (newline < 0) {
        this.#hold(bytes, 0, bytes.length);
        return;
      }
      this.#hold(bytes, 0, newline);
      at = newline + this.#width;
      this.#offset += this.#width;
      this.#finishHeld();
    }
    const end = this.#lastNewline(buffer) + this.#width;
    if (end > at) this.#lines(buffer, bytes, at, end);
    const rest = Math.max(end, at);
    if (rest < bytes.length) this.#hold(bytes, rest, bytes.length);
    this.#sink.settle();
  }

  /** Ends the line that waits as if its newline had come. */
  flush(): void {
    if (this.hasPending) this.#finishHeld();
    this.#sink.settle();
  }

  #lines(buffer: Buffer, bytes: Uint8Array, from: number, to: number): void {
    const line = this.#line;
    const width = this.#width;
    const base = this.#offset - from;
    this.#sink.region(bytes, from, to);
    let start = from;
    while (start < to) {
      const newline = this.#newline(buffer, start);
      const end = this.#textEnd(bytes, start, newline);
      if (end - start > this.#lineBytesMax) {
        this.#hold(bytes, start, newline);
        this.#offset = base + newline + width;
        this.#finishHeld();
        if (newline + width < to) this.#sink.region(bytes, newline + width, to);
      } else {
        line.bytes = bytes;
        line.start = start;
        line.end = end;
        line.startOffset = base + start;
        line.endOffset = base + newline + width;
        line.isCut = false;
        this.#sink.line(line);
        this.#offset = line.endOffset;
        this.#lineStart = line.endOffset;
      }
      start = newline + width;
    }
  }

  #hold(bytes: Uint8Array, from: number, to: number): void {
    this.#offset += to - from;
    let start = from;
    while (this.#isHole && start < to && bytes[start] === 0) start += 1;
    this.#counts.holeBytes += start - from;
    if (start === to) return;
    this.#isHole = false;
    const room = this.#lineBytesMax + this.#width - this.#held.length; // a CR may go yet
    const taken = Math.min(room, to - start);
    this.#held.append(bytes, start, start + taken);
    if (start + taken === to) return;
    if (this.#skipped === 0 && this.#width === 1 && isAllNul(this.#held)) {
      this.#counts.holeBytes += this.#held.length;
      this.#held.length = 0;
      this.#isHole = true;
      this.#offset -= to - start - taken;
      this.#hold(bytes, start + taken, to);
    } else {
      this.#skipped += to - start - taken;
    }
  }

  /** Passes on what is held as the line from #lineStart to #offset. */
  #finishHeld(): void {
    const { bytes, length } = this.#held;
    const line = this.#line;
    const max = this.#lineBytesMax;
    const end = this.#skipped > 0 ? length : this.#textEnd(bytes, 0, length);
    line.isCut = this.#skipped > 0 || end > max;
    line.bytes = bytes;
    line.start = 0;
    line.end = line.isCut ? this.#cutEnd(bytes, Math.min(end, max)) : end;
    line.startOffset = this.#lineStart;
    line.endOffset = this.#offset;
    if (line.isCut) {
      this.#counts.linesCut += 1;
      this.#counts.bytesCut += end - line.end + this.#skipped;
    }
    this.#sink.region(bytes, 0, length);
    this.#sink.line(line);
    this.#sink.settle();
    this.#held.clear();
    this.#skipped = 0;
    this.#isHole = false;
    this.#lineStart = this.#offset;
  }

  #cutEnd(bytes: Uint8Array, limit: number): number {
    if (this.#width === 1) return characterEnd(bytes, 0, limit);
    const even = limit - (limit % 2);
    const isHighSurrogate = even >= 2 && ((bytes[even - 1] ?? 0) & 0xfc) === 0xd8;
    return isHighSurrogate ? even - 2 : even;
  }

  #textEnd(bytes: Uint8Array, start: number, newline: number): number {
    const end = newline - this.#width;
    if (end < start || bytes[end] !== CARRIAGE_RETURN) return newline;
    return this.#width === 1 || bytes[end + 1] === 0 ? end : newline;
  }

  #newline(buffer: Buffer, from: number): number {
    let at = buffer.indexOf(NEWLINE, from);
    if (this.#width === 1) return at;
    while (at >= 0 && (at % 2 === 1 || buffer[at + 1] !== 0)) at = buffer.indexOf(NEWLINE, at + 1);
    return at;
  }

  /** Minus the width where there is none. */
  #lastNewline(buffer: Buffer): number {
    let at = buffer.lastIndexOf(NEWLINE);
    if (this.#width === 1) return at;
    while (at > 0 && (at % 2 === 1 || buffer[at + 1] !== 0)) {
      at = buffer.lastIndexOf(NEWLINE, at - 1);
    }
    return at === 0 && buffer[1] === 0 ? 0 : at <= 0 ? -2 : at;
  }
}

function isAllNul({ bytes, length }: TextRoom): boolean {
  for (let i = 0; i < length; i += 1) if (bytes[i] !== 0) return false;
  return true;
}
