import type { BlockLine } from "../../../shared/wire/line-block.ts";

/** Decoded at once. V8 takes texts of more than 128 KiB fresh from the kernel: seven times the cost. */
const RUN_BYTES = 16 * 1024;

/**
 * The lines of a source as text: their bytes lie in a block one after another
 * (shared/wire/line-block.ts), so runs of them are decoded together. One is used for all sources.
 */
export class SourceText {
  #lines: readonly BlockLine[] = [];
  /** The run that is decoded: lines from `#first` to before `#end`. */
  #first = 0;
  #end = 0;
  #run = "";
  #startByte = 0;
  /** Each byte is a character, so lines are parts of the run. */
  #isEven = false;

  open(lines: readonly BlockLine[]): void {
    this.#lines = lines;
    this.#first = this.#end = 0;
  }

  /** Quick in the order of the lines. Mostly a part of a longer text: who keeps it, copies it. */
  line(index: number): string {
    if (index < this.#first || index >= this.#end) this.#decodeFrom(index);
    const bytes = this.#lines[index]?.bytes;
    if (bytes === undefined) return "";
    if (!this.#isEven) return textOf(bytes, bytes.byteLength);
    const from = bytes.byteOffset - this.#startByte;
    return this.#run.slice(from, from + bytes.byteLength);
  }

  /** Lets go of the text. */
  close(): void {
    this.open([]);
    this.#run = "";
  }

  #decodeFrom(index: number): void {
    const first = this.#lines[index]?.bytes;
    if (first === undefined) return;
    let length = first.byteLength;
    let end = index + 1;
    for (; end < this.#lines.length && length < RUN_BYTES; end += 1) {
      length += this.#lines[end]?.bytes.byteLength ?? 0;
    }
    this.#first = index;
    this.#end = end;
    this.#startByte = first.byteOffset;
    this.#run = textOf(first, length);
    // Decoding makes of bytes as many characters or fewer: of as many, each of its own.
    this.#isEven = this.#run.length === length;
  }
}

/** Of `length` bytes from where these begin. */
function textOf(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString();
}
