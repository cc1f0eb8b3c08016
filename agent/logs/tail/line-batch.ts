import type { Labels } from "../../../shared/model/labels.ts";
import type { PlacedLine } from "../../../shared/wire/line-columns.ts";
import { LineTable } from "../../../shared/wire/line-table.ts";

/** Bytes that are read and lines that are made before they go to the sink. */
const BATCH_BYTES = 1024 * 1024;
const LINES_MAX = 16_384;
const COPIES_BYTES = 128 * 1024;
const NEWLINE = 10;

/**
 * What was read since the last batch went to the sink. Files are read into one buffer, piece behind
 * piece, so a line that the shaper hands out as it was read is not copied.
 */
export class LineBatch {
  readonly buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  readonly lines = new LineTable();
  readonly #memory = this.buffer.buffer;
  readonly #firstCopies = new Uint8Array(COPIES_BYTES);
  #copies = this.#firstCopies;
  #copied = 0;
  #used = 0;

  /** Where the next piece is read to. */
  get used(): number {
    return this.#used;
  }

  get room(): number {
    return this.lines.length >= LINES_MAX ? 0 : this.buffer.length - this.#used;
  }

  /** The next `bytes` bytes of the buffer are in use until `clear`. */
  take(bytes: number): void {
    this.#used += bytes;
  }

  add(labels: Labels, timeUs: number, line: PlacedLine): void {
    const { bytes, end } = line;
    const isRead = bytes.buffer === this.#memory && end < this.#used && bytes[end] === NEWLINE;
    this.lines.add(labels, timeUs, isRead ? line : this.#copy(line));
  }

  clear(): void {
    this.#used = 0;
    this.lines.clear();
    this.#copies = this.#firstCopies;
    this.#copied = 0;
  }

  #copy({ bytes, start, end, isCut }: PlacedLine): PlacedLine {
    const length = end - start + 1;
    if (this.#copied + length > this.#copies.length) {
      this.#copies = new Uint8Array(Math.max(COPIES_BYTES, length));
      this.#copied = 0;
    }
    const from = this.#copied;
    this.#copied += length;
    this.#copies.set(bytes.subarray(start, end), from);
    this.#copies[this.#copied - 1] = NEWLINE;
    return { bytes: this.#copies, start: from, end: this.#copied - 1, isCut };
  }
}
