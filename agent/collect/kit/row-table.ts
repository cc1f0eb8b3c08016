import { ABSENT } from "./byte-scanner.ts";
import { isSame } from "./key-table.ts";

/** Rows beyond this of one file are left out. */
const ROWS_MAX = 4096;

export type Row<Attachment> = {
  readonly key: string;
  readonly keyBytes: Uint8Array;
  readonly values: Float64Array;
  /** What the table's owner keeps with the row, such as its series. */
  attachment: Attachment | null;
  /** Number of the parse that last saw the row, and its place in it. */
  seenIn: number;
  place: number;
  /** Where in `rows` it stands. */
  index: number;
  /** Lines of the parse with this key, where each line is a row. */
  lines: number;
};

/**
 * A file of rows that each begin with a key (a disk, a network device, a CPU), parsed again and
 * again. The rows nearly always come in the order of the last parse, so the next row is found by
 * comparing the key's bytes; only a key out of order becomes a string. A second line of the same key
 * is a row too: its key ends in `#2`.
 */
export class RowTable<Attachment = null> {
  /** In the file's order after `finish`. */
  rows: Row<Attachment>[] = [];
  /** Rows left out of the last parse because the table was full. */
  overflow = 0;
  /** Another number when rows came, went or changed places. */
  layout = 0;
  readonly #byKey = new Map<string, Row<Attachment>>();
  readonly #columns: number;
  #parse = 0;
  #next = 0;
  #place = 0;
  #isDisordered = false;

  constructor(columns: number) {
    this.#columns = columns;
  }

  start(): void {
    this.#parse += 1;
    this.#next = 0;
    this.#place = 0;
    this.#isDisordered = false;
    this.overflow = 0;
  }

  /** The row of a line with the key in [start, end); null when the table is full. */
  take(bytes: Uint8Array, start: number, end: number): Row<Attachment> | null {
    const expected = this.rows[this.#next];
    const isNext =
      expected !== undefined &&
      expected.seenIn !== this.#parse &&
      isSame(expected.keyBytes, bytes, start, end);
    if (!isNext) return this.#takeByText(bytes, start, end, true);
    this.#next += 1;
    return this.#see(expected);
  }

  /** As `take`, where all lines of a key are one row. */
  gather(bytes: Uint8Array, start: number, end: number): Row<Attachment> | null {
    const last = this.rows[this.#next - 1];
    if (last !== undefined && isSame(last.keyBytes, bytes, start, end)) return this.#see(last);
    const expected = this.rows[this.#next];
    if (expected === undefined || !isSame(expected.keyBytes, bytes, start, end)) {
      return this.#takeByText(bytes, start, end, false);
    }
    this.#next += 1;
    return this.#see(expected);
  }

  /** Ends the parse: the rows that it did not see leave the table and are returned. */
  finish(): Row<Attachment>[] {
    if (!this.#isDisordered && this.#next === this.rows.length) return [];
    this.layout += 1;
    const gone = this.rows.filter((row) => row.seenIn !== this.#parse);
    for (const row of gone) this.#byKey.delete(row.key);
    this.rows = this.rows.filter((row) => row.seenIn === this.#parse);
    this.rows.sort((a, b) => a.place - b.place);
    for (const [index, row] of this.rows.entries()) row.index = index;
    return gone;
  }

  #takeByText(
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwnRow: boolean,
  ): Row<Attachment> | null {
    const keyBytes = Uint8Array.from(bytes.subarray(start, end));
    let key = Buffer.from(keyBytes).toString();
    this.#isDisordered = true;
    const first = this.#byKey.get(key);
    let known = first;
    while (isOwnRow && first !== undefined && known?.seenIn === this.#parse) {
      first.lines += 1;
      key = `${first.key}#${first.lines}`;
      known = this.#byKey.get(key);
    }
    if (known !== undefined) {
      this.#next = known.index + 1;
      return this.#see(known);
    }
    if (this.rows.length >= ROWS_MAX) {
      this.overflow += 1;
      return null;
    }
    const values = new Float64Array(this.#columns).fill(ABSENT);
    const index = this.rows.length;
    const row = { key, keyBytes, values, attachment: null, seenIn: 0, place: 0, index, lines: 1 };
    this.#byKey.set(key, row);
    this.rows.push(row);
    return this.#see(row);
  }

  #see(row: Row<Attachment>): Row<Attachment> {
    if (row.seenIn !== this.#parse) {
      row.seenIn = this.#parse;
      row.place = this.#place;
      row.lines = 1;
      this.#place += 1;
      row.values.fill(ABSENT);
    }
    return row;
  }
}
