import { spanText } from "../../../shared/model/byte-span.ts";
import { NEWLINE_BYTES, type SourceColumns } from "../../../shared/wire/line-block.ts";

/** Decoded at once. V8 takes texts of more than 128 KiB fresh from the kernel: seven times the cost. */
const RUN_BYTES = 16 * 1024;
const NO_BYTES = new Uint8Array();
const NO_STARTS = new Uint32Array(1);

/**
 * The lines of a source as text: their bytes lie in a block one after another, a newline between two
 * (shared/wire/line-block.ts), so runs of them are decoded together. One is used for all sources.
 */
export class SourceText {
  #bytes: Uint8Array = NO_BYTES;
  #starts: Uint32Array = NO_STARTS;
  /** The run that is decoded: lines from `#first` to before `#end`. */
  #first = 0;
  #end = 0;
  #run = "";
  /** Each byte is a character, so lines are parts of the run. */
  #isEven = false;

  open({ bytes, starts }: Pick<SourceColumns, "bytes" | "starts">): void {
    this.#bytes = bytes;
    this.#starts = starts;
    this.#first = this.#end = 0;
  }

  /** Quick in the order of the lines. Mostly a part of a longer text: who keeps it, copies it. */
  line(index: number): string {
    if (index + 1 >= this.#starts.length) return "";
    if (index < this.#first || index >= this.#end) this.#decodeFrom(index);
    const from = this.#startOf(index);
    const to = this.#startOf(index + 1) - NEWLINE_BYTES;
    if (!this.#isEven) return this.#textOf(from, to);
    const runAt = this.#startOf(this.#first);
    return this.#run.slice(from - runAt, to - runAt);
  }

  /** Lets go of the text. */
  close(): void {
    this.open({ bytes: NO_BYTES, starts: NO_STARTS });
    this.#run = "";
  }

  #decodeFrom(index: number): void {
    const start = this.#startOf(index);
    const lineCount = this.#starts.length - 1;
    let end = index + 1;
    while (end < lineCount && this.#startOf(end) < start + RUN_BYTES) end += 1;
    this.#first = index;
    this.#end = end;
    this.#run = this.#textOf(start, this.#startOf(end));
    // Decoding makes of bytes as many characters or fewer: of as many, each of its own.
    this.#isEven = this.#run.length === this.#startOf(end) - start;
  }

  #startOf(index: number): number {
    return this.#starts[index] ?? 0;
  }

  #textOf(start: number, end: number): string {
    return spanText({ bytes: this.#bytes, start, end });
  }
}
