const NEWLINE = 10;

/** Cuts a stream of bytes into lines; one that is too long is left out and counted. */
export class LineSplitter {
  /** Lines left out since this was made. */
  tooLong = 0;
  readonly #lineBytesMax: number;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #isSkipping = false;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** `chunk` is not kept: what is left of it is copied. */
  push(chunk: Uint8Array, onLine: (line: string) => void): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.#take(chunk.subarray(start, end));
      if (!this.#isSkipping && this.#length > 0) onLine(Buffer.concat(this.#pieces).toString());
      this.#begin();
      start = end + 1;
    }
    this.#take(Uint8Array.prototype.slice.call(chunk, start));
  }

  #take(piece: Uint8Array): void {
    if (this.#isSkipping || piece.length === 0) return;
    this.#length += piece.length;
    if (this.#length > this.#lineBytesMax) {
      this.tooLong += 1;
      this.#begin();
      this.#isSkipping = true;
      return;
    }
    this.#pieces.push(piece);
  }

  #begin(): void {
    this.#pieces = [];
    this.#length = 0;
    this.#isSkipping = false;
  }
}
