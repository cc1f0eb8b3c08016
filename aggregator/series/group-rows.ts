import { columnBits, isStale, setStale } from "../../shared/model/stale.ts";

/** A container has two groups, of which little is read: most stay small. */
const ROWS_FIRST = 16;

/**
 * The recent rows of one group of one stream in one epoch. A row is a reading: one time for all
 * series of the group. Of a series only changes are kept: an entry says "from this row on the value is
 * this", or, as a staleness marker, "it ended at this row". On most hosts most values stay as they
 * are from one second to the next, so a row costs what changed in it.
 *
 * Entries of all columns lie one after the other in the order of their rows, each with the place of
 * the entry before it of the same column: adding one is a few stores into typed arrays, and a column
 * is read from its end backwards, as far as is asked for.
 *
 * Rows are numbered from 1 and keep their number; what a column was when the rows before `rowStart`
 * were dropped is an entry at the row before that. `rowEnd` is the row to come:
 * `set` and `end` speak of it, `appendRow` makes it. A value set without a row following is that of
 * the next row. A silent row has staleness markers only: no series has a value in it.
 *
 * Invariants: times ascend; entry rows never descend and are at most `rowEnd`; a column has at most
 * one entry a row, apart from the empty start that `dropBefore` may leave; a column without entries
 * is free.
 */
export class GroupRows {
  readonly stream: number;
  readonly epoch: number;
  readonly group: number;
  /** Row of `times[0]`; rows before it are in chunks. */
  rowStart = 1;
  rowEnd = 1;
  /** No more rows will come. */
  isClosed = false;
  /** There are endings at the row to come. */
  hasPendingEnd = false;
  /** Time of the newest row, also of one that was dropped; 0 where there was none. */
  lastTimeMs = 0;
  /** Silent rows, ascending. */
  silentRows: number[] = [];
  #times = new Float64Array(ROWS_FIRST);

  #entries = new Entries(ROWS_FIRST);
  /** Entries from this one on are of the row to come. */
  #pendingFrom = 0;

  /** Columns ever in use at once: their numbers are below it. */
  columnCount = 0;
  #refs = new Uint32Array(16);
  #ids = new Int32Array(16).fill(-1);
  #scales = new Int8Array(16);
  #lastEntry = new Int32Array(16);
  /** What the last entry says, at hand: the value, and 0 where the column ended. */
  #current = new Float64Array(16);
  #isOpen = new Uint8Array(16);
  #freeColumns: number[] = [];

  constructor(stream: number, epoch: number, group: number) {
    this.stream = stream;
    this.epoch = epoch;
    this.group = group;
  }

  get hasColumns(): boolean {
    return this.columnCount > this.#freeColumns.length;
  }

  /** The series of a column, 0 for one that is free. */
  refOf(column: number): number {
    return this.#refs[column] ?? 0;
  }

  scaleOf(column: number): number {
    return this.#scales[column] ?? 0;
  }

  /** The stream's id of the series that the column was last given to; -1: to none yet. */
  idOf(column: number): number {
    return this.#ids[column] ?? -1;
  }

  timeOf(row: number): number {
    return this.#times[row - this.rowStart] ?? 0;
  }

  /** Times of the rows from `from` up to, not including, `end`; a copy. */
  times(from: number, end: number): Float64Array {
    return this.#times.slice(from - this.rowStart, end - this.rowStart);
  }

  addColumn(ref: number, id: number, scale: number): number {
    const column = this.#freeColumns.pop() ?? this.columnCount;
    if (column === this.columnCount) this.columnCount += 1;
    if (column >= this.#refs.length) this.#growColumns();
    this.#refs[column] = ref;
    this.#ids[column] = id;
    this.#scales[column] = scale;
    this.#lastEntry[column] = -1;
    this.#isOpen[column] = 0;
    return column;
  }

  /** Another id of the stream goes on with the column's series. */
  giveColumn(column: number, id: number): void {
    this.#ids[column] = id;
  }

  isOpen(column: number): boolean {
    return this.#isOpen[column] === 1;
  }

  /** Whether a column ended before `row` and has said nothing since. */
  isEndedBefore(column: number, row: number): boolean {
    const entry = this.#lastEntry[column] ?? -1;
    if (entry < 0) return true;
    const { rows, bits } = this.#entries;
    return isStale(bits, entry) && (rows[entry] ?? 0) < row;
  }

  set(column: number, value: number): void {
    const isNone = Number.isNaN(value);
    if (this.#isOpen[column] === 1) {
      const current = this.#current[column] ?? 0;
      const isSame = isNone ? Number.isNaN(current) : current === value;
      if (isSame && (value !== 0 || Object.is(current, value))) return;
    }
    const entry = this.#entryAt(column);
    // Any NaN becomes the plain one: the bits of a marker are ours alone.
    const plain = isNone ? Number.NaN : value;
    this.#entries.values[entry] = plain;
    this.#current[column] = plain;
    this.#isOpen[column] = 1;
  }

  /** Gives a new column the value that its series had before the first row. */
  restore(column: number, value: number): void {
    this.set(column, value);
    const { count, rows } = this.#entries;
    rows[count - 1] = this.rowStart - 1;
    this.#pendingFrom = count;
  }

  /** A value that never showed is ended too: the series may have shown in another group. */
  end(column: number): void {
    if (this.#isOpen[column] !== 1) return;
    const entry = this.#entryAt(column);
    setStale(this.#entries.bits, entry);
    this.#isOpen[column] = 0;
    this.hasPendingEnd = true;
  }

  /** @param timeMs after the time of the row before */
  appendRow(timeMs: number, isSilent: boolean): void {
    const index = this.rowEnd - this.rowStart;
    if (index === this.#times.length) {
      const grown = new Float64Array(Math.max(ROWS_FIRST, index * 2));
      grown.set(this.#times);
      this.#times = grown;
    }
    this.#times[index] = timeMs;
    if (isSilent) this.silentRows.push(this.rowEnd);
    this.rowEnd += 1;
    this.#pendingFrom = this.#entries.count;
    this.lastTimeMs = timeMs;
    this.hasPendingEnd = false;
  }

  /** The first row with a time after `timeMs`. */
  rowAfter(timeMs: number): number {
    return this.rowStart + countUpTo(this.#times, timeMs, this.rowEnd - this.rowStart);
  }

  /** What a column says of the rows from `from` up to, not including, `end`, into `changes`. */
  readChanges(column: number, from: number, end: number, changes: Changes): void {
    const { rows, before, values, bits } = this.#entries;
    changes.count = 0;
    let entry = this.#lastEntry[column] ?? -1;
    while (entry >= 0) {
      const row = rows[entry] ?? 0;
      const isEnd = isStale(bits, entry);
      if (row < from && isEnd) break;
      if (row < end) changes.add(Math.max(row, from), values[entry] ?? 0, isEnd);
      if (row <= from) break;
      entry = before[entry] ?? -1;
    }
  }

  /**
   * Forgets the rows before `row`, which are in chunks now, and the columns that ended there.
   * @param freed called for each column that is free from now on, before it is
   */
  dropBefore(row: number, freed: (column: number, ref: number) => void): void {
    const first = this.#firstEntryOf(row);
    const kept = new Entries(this.#entries.count - first + this.columnCount);
    const bases = new Int32Array(this.columnCount).fill(-1);
    for (let column = 0; column < this.columnCount; column += 1) {
      if (this.#refs[column] !== 0) bases[column] = this.#copyBase(column, first, row, kept);
    }
    const shift = kept.count - first;
    kept.append(this.#entries, first);
    for (let column = 0; column < this.columnCount; column += 1) {
      if (this.#refs[column] === 0) continue;
      if (this.#relink(column, { base: bases[column] ?? -1, first, shift }, kept)) continue;
      freed(column, this.refOf(column));
      this.#refs[column] = 0;
      this.#freeColumns.push(column);
    }
    this.#entries = kept;
    this.#times = this.#times.slice(row - this.rowStart, this.rowEnd - this.rowStart + ROWS_FIRST);
    this.silentRows = this.silentRows.filter((silent) => silent >= row);
    this.rowStart = row;
    this.#pendingFrom = this.#firstEntryOf(this.rowEnd);
  }

  /**
   * The value a column has at `row` by an entry before it becomes its first entry.
   * Returns its place, or -1 where there is none.
   */
  #copyBase(column: number, first: number, row: number, kept: Entries): number {
    const { before, values, bits } = this.#entries;
    let entry = this.#lastEntry[column] ?? -1;
    while (entry >= first) entry = before[entry] ?? -1;
    if (entry < 0 || isStale(bits, entry)) return -1;
    return kept.add(row - 1, -1, values[entry] ?? 0);
  }

  /** Puts the links of a column's entries right; false when none of them is left. */
  #relink(
    column: number,
    move: { readonly base: number; readonly first: number; readonly shift: number },
    kept: Entries,
  ): boolean {
    const { base, first, shift } = move;
    const last = this.#lastEntry[column] ?? -1;
    this.#lastEntry[column] = last < first ? base : last + shift;
    for (let entry = last; entry >= first; ) {
      const before = this.#entries.before[entry] ?? -1;
      kept.before[entry + shift] = before < first ? base : before + shift;
      entry = before;
    }
    return last >= first || base >= 0;
  }

  #firstEntryOf(row: number): number {
    return countUpTo(this.#entries.rows, row - 1, this.#entries.count);
  }

  /** The column's entry of the row to come; made where there is none. */
  #entryAt(column: number): number {
    const before = this.#lastEntry[column] ?? -1;
    if (before >= this.#pendingFrom) return before;
    const { count, rows } = this.#entries;
    if (count === rows.length) {
      const grown = new Entries(Math.ceil(count * 1.5) + ROWS_FIRST);
      grown.append(this.#entries, 0);
      this.#entries = grown;
    }
    this.#lastEntry[column] = count;
    return this.#entries.add(this.rowEnd, before, 0);
  }

  #growColumns(): void {
    const capacity = this.#refs.length * 2;
    this.#refs = grownCopy(this.#refs, new Uint32Array(capacity));
    this.#ids = grownCopy(this.#ids, new Int32Array(capacity).fill(-1));
    this.#scales = grownCopy(this.#scales, new Int8Array(capacity));
    this.#lastEntry = grownCopy(this.#lastEntry, new Int32Array(capacity));
    this.#current = grownCopy(this.#current, new Float64Array(capacity));
    this.#isOpen = grownCopy(this.#isOpen, new Uint8Array(capacity));
  }
}

/** `before`: the place of the entry before it of the same column, or -1. */
class Entries {
  count = 0;
  readonly rows: Uint32Array;
  readonly before: Int32Array;
  readonly values: Float64Array;
  readonly bits: Uint32Array;

  constructor(capacity: number) {
    this.rows = new Uint32Array(capacity);
    this.before = new Int32Array(capacity);
    this.values = new Float64Array(capacity);
    this.bits = columnBits(this.values);
  }

  add(row: number, before: number, value: number): number {
    const entry = this.count;
    this.rows[entry] = row;
    this.before[entry] = before;
    this.values[entry] = value;
    this.count = entry + 1;
    return entry;
  }

  /** Puts the entries of another from `first` on behind these. */
  append({ rows, before, bits, count }: Entries, first: number): void {
    this.rows.set(rows.subarray(first, count), this.count);
    this.before.set(before.subarray(first, count), this.count);
    this.bits.set(bits.subarray(first * 2, count * 2), this.count * 2);
    this.count += count - first;
  }
}

/** `to`, which is longer, with what `from` holds. */
export function grownCopy<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** How many of the first `count` numbers, which ascend, are at or below `bound`. */
export function countUpTo(
  numbers: Float64Array | Uint32Array,
  bound: number,
  count = numbers.length,
): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Enough for what a rule looks back at; a long query doubles it a few times. */
const CHANGES_FIRST = 64;

/**
 * What one column says of a stretch of rows, newest first: from `rows[i]` on the value is
 * `values[i]`, or where `ends[i]` is 1 the series ended at that row. Reused from column to column.
 */
export class Changes {
  count = 0;
  rows = new Uint32Array(CHANGES_FIRST);
  values = new Float64Array(CHANGES_FIRST);
  ends = new Uint8Array(CHANGES_FIRST);

  add(row: number, value: number, isEnd: boolean): void {
    if (this.count === this.rows.length) this.#grow();
    this.rows[this.count] = row;
    this.values[this.count] = value;
    this.ends[this.count] = isEnd ? 1 : 0;
    this.count += 1;
  }

  #grow(): void {
    const capacity = this.count * 2;
    this.rows = grownCopy(this.rows, new Uint32Array(capacity));
    this.values = grownCopy(this.values, new Float64Array(capacity));
    this.ends = grownCopy(this.ends, new Uint8Array(capacity));
  }
}
