import type { Labels } from "../../../shared/model/labels.ts";
import type { SourcedLine } from "./ports.ts";

/** Bytes that are read and lines that are made before they go to the sink. */
const BATCH_BYTES = 1024 * 1024;
const LINES_MAX = 16_384;
const COPIES_BYTES = 128 * 1024;

/**
 * What was read since the last batch went to the sink. Files are read into one buffer, piece behind
 * piece, so a line that the shaper hands out as it was read is not copied.
 */
export class LineBatch {
  readonly buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  readonly #firstCopies = Buffer.allocUnsafeSlow(COPIES_BYTES);
  #copies = this.#firstCopies;
  #copied = 0;
  #used = 0;
  #lines: SourcedLine[] = [];

  /** Where the next piece is read to. */
  get used(): number {
    return this.#used;
  }

  get room(): number {
    return this.#lines.length >= LINES_MAX ? 0 : this.buffer.length - this.#used;
  }

  get lines(): readonly SourcedLine[] {
    return this.#lines;
  }

  /** The next `bytes` bytes of the buffer are in use until `clear`. */
  take(bytes: number): void {
    this.#used += bytes;
  }

  add(
    labels: Labels,
    timeUs: number,
    { bytes, isCut }: Pick<SourcedLine, "bytes" | "isCut">,
  ): void {
    const own = bytes.buffer === this.buffer.buffer ? bytes : this.#copy(bytes);
    this.#lines.push({ labels, timeUs, bytes: own, isCut });
  }

  clear(): void {
    this.#used = 0;
    this.#lines = [];
    this.#copies = this.#firstCopies;
    this.#copied = 0;
  }

  #copy(bytes: Uint8Array): Uint8Array {
    if (this.#copied + bytes.length > this.#copies.length) {
      this.#copies = Buffer.allocUnsafeSlow(Math.max(COPIES_BYTES, bytes.length));
      this.#copied = 0;
    }
    const copy = this.#copies.subarray(this.#copied, this.#copied + bytes.length);
    copy.set(bytes);
    this.#copied += bytes.length;
    return copy;
  }
}
