import type { BlockLine } from "../../../shared/wire/line-block.ts";

/**
 * The lines of a source as text, decoded at once: their bytes lie in a block one after another
 * (shared/wire/line-block.ts). One is used for all sources.
 */
export class SourceText {
  /** The lines without anything between them: what a line has, it has, too. */
  whole = "";
  #lines: readonly BlockLine[] = [];
  #start = 0;
  /** Each byte is a character, so lines are parts of the whole. */
  #isEven = false;

  open(lines: readonly BlockLine[]): void {
    this.#lines = lines;
    const [first, last] = [lines[0]?.bytes, lines.at(-1)?.bytes];
    if (first === undefined || last === undefined) {
      this.whole = "";
      return;
    }
    const length = last.byteOffset + last.byteLength - first.byteOffset;
    this.#start = first.byteOffset;
    this.whole = Buffer.from(first.buffer, first.byteOffset, length).toString();
    // Decoding makes of bytes as many characters or fewer: of as many, each of its own.
    this.#isEven = this.whole.length === length;
  }

  /** A part of `whole` where that is possible: who keeps it, copies it. */
  line(index: number): string {
    const bytes = this.#lines[index]?.bytes;
    if (bytes === undefined) return "";
    if (!this.#isEven) {
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
    }
    const from = bytes.byteOffset - this.#start;
    return this.whole.slice(from, from + bytes.byteLength);
  }

  /** Lets go of the text. */
  close(): void {
    this.whole = "";
    this.#lines = [];
  }
}
