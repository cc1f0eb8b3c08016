const NO_BYTES = new Uint8Array();

/** Where a byte stands next: which lines have it, for little where few do. */
export class NextByte {
  readonly #byte: number;
  #bytes: Uint8Array = NO_BYTES;
  #next = -1;

  constructor(byte: number) {
    this.#byte = byte;
  }

  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#next = -1;
  }

  /** Lets go of the bytes. */
  close(): void {
    this.open(NO_BYTES);
  }

  /** Whether it is from `start` to before `end`; `start` never goes back. */
  isIn(start: number, end: number): boolean {
    if (this.#next < start) {
      const found = this.#bytes.indexOf(this.#byte, start);
      this.#next = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    return this.#next < end;
  }
}
