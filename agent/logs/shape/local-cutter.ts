import type { LineSink } from "./line-cutter.ts";
import type { ShapeCounts } from "./shape-counts.ts";
import { newTextLine, TextRoom } from "./text-line.ts";

/** Before and behind each record stands its length, 32 bits, the highest first. */
const LENGTH_BYTES = 4;
/** How each record begins: the tag and length of its source, `stdout` or `stderr`. */
const BEGINNING = Buffer.from("\n\x06std", "latin1");

/**
 * Takes the bytes of a file of Docker's `local` driver apart: `LENGTH RECORD LENGTH`, over and over.
 * Where that is not what follows (the daemon was killed while it wrote, or reading begins in the
 * middle) it goes on with the next record that has its length on both sides.
 *
 * Invariant: #held has the bytes of the file that end at #offset and of which no record was made.
 */
export class LocalCutter {
  readonly #sink: LineSink;
  readonly #counts: ShapeCounts;
  readonly #recordBytesMax: number;
  readonly #line = newTextLine();
  readonly #held = new TextRoom();
  #offset: number;
  /** What was read last ended with a record. */
  #isAligned = true;
  /** Where reading begins in the middle that is as expected, and not counted. */
  #isFirst: boolean;
  #isFlushed = false;

  constructor(
    options: { readonly recordBytesMax: number; readonly offset: number },
    counts: ShapeCounts,
    sink: LineSink,
  ) {
    this.#recordBytesMax = options.recordBytesMax;
    this.#offset = options.offset;
    this.#isFirst = options.offset > 0;
    this.#counts = counts;
    this.#sink = sink;
  }

  get hasPending(): boolean {
    return this.#held.length > 0 && !this.#isFlushed;
  }

  /** `chunk` may change after the call. */
  push(chunk: Uint8Array): void {
    this.#isFlushed = false;
    this.#offset += chunk.length;
    const isHeld = this.#held.length > 0;
    if (isHeld) this.#held.append(chunk, 0, chunk.length);
    const { buffer, byteOffset } = isHeld ? this.#held.bytes : chunk;
    const length = isHeld ? this.#held.length : chunk.length;
    const bytes = Buffer.from(buffer, byteOffset, length);
    const rest = bytes.subarray(this.#records(bytes));
    if (isHeld) {
      const own = Uint8Array.from(rest);
      this.#sink.settle();
      this.#held.clear();
      this.#held.append(own, 0, own.length);
    } else {
      this.#sink.settle();
      this.#held.append(rest, 0, rest.length);
    }
  }

  /** A record of which only a part is there may yet be written to its end. */
  flush(): void {
    this.#isFlushed = true;
    this.#sink.settle();
  }

  /** Passes on what there is of whole records. @returns where the first one begins that is not whole */
  #records(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      if (!this.#isAligned) at = this.#nextRecord(bytes, at);
      if (!this.#isAligned) return at;
      const end = this.#recordsEnd(bytes, at);
      if (end > at) this.#passOn(bytes, at, end);
      if (this.#lengthAt(bytes, end) === "part") return end;
      this.#isAligned = false;
      if (!this.#isFirst) this.#counts.recordsMalformed += 1;
      this.#isFirst = false;
      at = end + 1;
    }
  }

  /** Where whole records that stand one behind the other end. */
  #recordsEnd(bytes: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const length = this.#lengthAt(bytes, at);
      if (typeof length !== "number") return at;
      at += length + 2 * LENGTH_BYTES;
    }
  }

  /** Of the record at `at`; "part": more bytes are needed to say; "wrong": there is none. */
  #lengthAt(bytes: Buffer, at: number): number | "part" | "wrong" {
    if (at + LENGTH_BYTES > bytes.length) return "part";
    const length = bytes.readUInt32BE(at);
    const behind = at + LENGTH_BYTES + length;
    const beginning = bytes.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + BEGINNING.length);
    if (!BEGINNING.subarray(0, beginning.length).equals(beginning)) return "wrong";
    if (length < BEGINNING.length || length > this.#recordBytesMax) return "wrong";
    if (behind + LENGTH_BYTES > bytes.length) return "part";
    return bytes.readUInt32BE(behind) === length ? length : "wrong";
  }

  /** Where one begins, or may; is aligned when one does. */
  #nextRecord(bytes: Buffer, from: number): number {
    for (let at = from + LENGTH_BYTES; ; at += 1) {
      at = bytes.indexOf(BEGINNING, at);
      if (at < 0) return Math.max(from, bytes.length - LENGTH_BYTES - BEGINNING.length);
      const length = this.#lengthAt(bytes, at - LENGTH_BYTES);
      if (length === "wrong") continue;
      this.#isAligned = true;
      return at - LENGTH_BYTES;
    }
  }

  #passOn(records: Buffer, from: number, to: number): void {
    const line = this.#line;
    const { buffer, byteOffset, length: bytesLength } = records;
    const bytes = new Uint8Array(buffer, byteOffset, bytesLength); // a part of a Buffer is no copy
    const base = this.#offset - bytes.length;
    this.#isFirst = false;
    this.#sink.region(bytes, from, to);
    for (let at = from; at < to; at = line.endOffset - base) {
      const length = records.readUInt32BE(at);
      line.bytes = bytes;
      line.start = at + LENGTH_BYTES;
      line.end = line.start + length;
      line.startOffset = base + at;
      line.endOffset = base + line.end + LENGTH_BYTES;
      line.isCut = false;
      this.#sink.line(line);
    }
  }
}
