import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import { KeyTable } from "../kit/key-table.ts";

/** A line `word n n n …`: which numbers are wanted, and where in the values they go. */
export type LineSpec = {
  readonly word: string;
  /** Numbers between the word and the first that is wanted. */
  readonly skipped: number;
  /** Index of the first number in the values; the others follow. */
  readonly first: number;
  readonly count: number;
};

/** A file of lines that are told by their first word (rpc/nfsd, xfs' stats). Others are skipped. */
export class LineLayout {
  readonly size: number;
  readonly #lines: readonly LineSpec[];
  readonly #words: KeyTable;

  constructor(lines: readonly LineSpec[]) {
    this.#lines = lines;
    this.#words = new KeyTable(lines.map(({ word }, index) => [word, index]));
    this.size = Math.max(...lines.map(({ first, count }) => first + count));
  }

  /** Fills `values`, ABSENT for what the file lacks. Returns how many numbers were malformed. */
  parse(bytes: Uint8Array, length: number, values: Float64Array): number {
    const scan = new ByteScanner(bytes, length);
    values.fill(ABSENT, 0, this.size);
    for (; !scan.isDone; scan.skipLine()) {
      const start = scan.at;
      scan.skipWord();
      const line = this.#lines[this.#words.find(bytes, start, scan.at)];
      if (line === undefined) continue;
      for (let i = 0; i < line.skipped; i += 1) {
        scan.skipSpaces();
        scan.skipWord();
      }
      for (let i = 0; i < line.count; i += 1) values[line.first + i] = scan.count();
    }
    return scan.malformed;
  }
}
