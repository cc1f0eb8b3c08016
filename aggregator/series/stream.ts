import { strict as assert } from "node:assert";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import { type ParsedFrame, StreamDecoder } from "../../shared/wire/frame-decoder.ts";
import type { ParsedGroup } from "../../shared/wire/frame-input.ts";
import { GroupRows, grownCopy } from "./group-rows.ts";
import type { Checkpoint, SetBack } from "./records.ts";
import { type Series, type SeriesIndex, storedLabels } from "./series-index.ts";
import { NO_FRAMES, withFrame } from "./stream-accounts.ts";

/**
 * A place in a stream up to which it can be cut: the rows before it become chunks, and a replay
 * that starts from `snapshot` after frame `seq` brings back all the rest.
 */
export type Mark = Omit<Checkpoint, "chunksEndMs"> & {
  readonly epoch: number;
  /** For the rows of each group the first that is not cut. */
  readonly ends: ReadonlyMap<GroupRows, number>;
};

/** A chunk of fewer ticks than this costs more for its head than for its values. */
const CHUNK_TICKS_MIN = 120;
/** Slow streams are cut before they have that many, after this many times the usual time. */
const CHUNK_TIMES_MAX = 6;
const MARK_FRAMES_MAX = 4096;
/** Changes of one stream that the head may hold for one mark: 16 bytes each. */
const MARK_CHANGES_MAX = 2_000_000;
/** The last ones are remembered. */
const SET_BACKS_MAX = 16;

/**
 * One stream and the recent rows it made. `rows` are those of the decoder's epoch by group;
 * `oldRows` those of earlier epochs that are not all in chunks. Old rows stay open until the first
 * stored frame of the new epoch shows which of their series went on.
 */
export class Stream {
  readonly number: number;
  /** Empty: the aggregator's own, which gets no `instance`. */
  readonly node: string;
  readonly streamId: string;
  readonly decoder = new StreamDecoder();
  /** Last sequence that is safe. The decoder's is behind it only where its state was lost. */
  lastSeq = 0;
  /** Time and epoch of the last frame of which samples were stored. */
  lastTimeMs = 0;
  timeEpoch = 0;
  accounts = NO_FRAMES;
  /** Oldest first. */
  setBacks: readonly SetBack[] = [];
  /** On the monotonic clock: when it was last written to. */
  activeAtMs = 0;
  readonly rows = new Map<number, GroupRows>();
  oldRows: GroupRows[] = [];
  /** Oldest first. */
  marks: Mark[] = [];
  framesSinceMark = 0;
  #rowsEpoch = 0;
  #markTimeMs = 0;
  #changesSinceMark = 0;
  /** Endings that no row shows yet, or rows of an earlier epoch that are not closed. */
  #isUnsettled = false;
  /** By id: its column in the rows of its group, or -1. */
  #columns = new Int32Array(0);

  constructor(number: number, node: string, streamId: string) {
    this.number = number;
    this.node = node;
    this.streamId = streamId;
  }

  get seriesAlive(): number {
    let count = 0;
    for (const group of this.rows.keys()) count += this.decoder.aliveOfGroup(group).length;
    return count;
  }

  /** The last time of this epoch that no later epoch repeats. */
  endOf(epoch: number): number {
    let endMs = Number.POSITIVE_INFINITY;
    for (const setBack of this.setBacks) {
      if (setBack.epoch > epoch) endMs = Math.min(endMs, setBack.fromMs - 1);
    }
    return endMs;
  }

  *allRows(): Iterable<GroupRows> {
    yield* this.oldRows;
    yield* this.rows.values();
  }

  /** Whether these series of the current table all have columns, and so are in the index for sure. */
  hasColumns(ids: readonly number[]): boolean {
    if (this.#rowsEpoch !== this.decoder.epoch) return false;
    const columns = this.#columns;
    for (let i = 0; i < ids.length; i += 1) if ((columns[ids[i] ?? 0] ?? -1) < 0) return false;
    return true;
  }

  /**
   * Takes a frame that the decoder's `check` would take and whose series are all in the index.
   * Returns the number of samples it made; none where `isStored` is false: then only the state goes
   * on, and what changed shows from the next stored frame on.
   */
  apply(frame: ParsedFrame, isStored: boolean, index: SeriesIndex): number {
    const { decoder } = this;
    decoder.apply(frame);
    this.lastSeq = frame.seq;
    const isBefore = this.timeEpoch === decoder.epoch && frame.timeMs <= this.lastTimeMs;
    const reason = isBefore ? "out-of-order" : "future";
    this.accounts = withFrame(this.accounts, frame.seq, isStored ? null : reason);
    this.framesSinceMark += 1;
    if (this.#rowsEpoch !== decoder.epoch) this.#beginRows();
    for (const id of decoder.ended) {
      const column = this.#columns[id] ?? -1;
      const rows = this.rows.get(decoder.definitions[id]?.group ?? 0);
      if (rows !== undefined && column >= 0 && rows.idOf(column) === id) rows.end(column);
    }
    if (decoder.ended.length > 0) this.#isUnsettled = true;
    for (const group of frame.groups) this.#setAll(group, frame.timeMs - group.ageMs, index);
    return isStored ? this.#appendRows(frame) : 0;
  }

  /**
   * After the decoder has applied the snapshot of a checkpoint: its living series go on from here.
   */
  restoreRows(snapshot: ParsedFrame, index: SeriesIndex): void {
    const { decoder } = this;
    this.#markTimeMs = this.lastTimeMs;
    this.#beginRows();
    for (const { group, ageMs, changed } of snapshot.groups) {
      const rows = this.#rowsOf(group);
      rows.lastTimeMs = snapshot.timeMs - ageMs;
      for (const id of changed) {
        const column = this.#openColumn(id, rows, rows.lastTimeMs, index);
        rows.restore(column, decoder.values[id] ?? 0);
      }
    }
  }

  /** Sets a mark here when there is enough for chunks since the one before. */
  markIfDue(chunkMs: number): void {
    if (this.#markTimeMs === 0) this.#markTimeMs = this.lastTimeMs;
    const elapsedMs = this.lastTimeMs - this.#markTimeMs;
    const isFull =
      this.framesSinceMark >= CHUNK_TICKS_MIN && (elapsedMs >= chunkMs || elapsedMs < 0);
    const isDue =
      isFull ||
      elapsedMs >= chunkMs * CHUNK_TIMES_MAX ||
      this.#changesSinceMark >= MARK_CHANGES_MAX;
    if (this.framesSinceMark >= MARK_FRAMES_MAX) {
      // So many frames without samples: their endings get times of their own.
      this.#settle(0);
      this.mark();
    } else if (isDue) {
      this.mark();
    }
  }

  /** Sets a mark here, if there is something new and nothing that only the next row would show. */
  mark(): void {
    const { decoder } = this;
    const isWhole = decoder.lastSeq === this.lastSeq && epochOfSeq(this.lastSeq) === decoder.epoch;
    if (!isWhole || this.framesSinceMark === 0 || this.#isUnsettled) return;
    const ends = new Map<GroupRows, number>();
    for (const rows of this.allRows()) ends.set(rows, rows.rowEnd);
    this.marks.push({
      seq: this.lastSeq,
      epoch: decoder.epoch,
      lastTimeMs: this.lastTimeMs,
      timeEpoch: this.timeEpoch,
      accounts: this.accounts,
      setBacks: this.setBacks,
      snapshot: this.#snapshot(),
      ends,
    });
    this.framesSinceMark = 0;
    this.#markTimeMs = this.lastTimeMs;
    this.#changesSinceMark = 0;
  }

  /** Forgets what the oldest mark cut off; its rows are in chunks. */
  dropMarked(index: SeriesIndex): void {
    const mark = this.marks.shift();
    assert(mark !== undefined);
    for (const [rows, row] of mark.ends) {
      if (rows.isClosed && row === rows.rowEnd) {
        detachColumns(rows, index);
        this.oldRows = this.oldRows.filter((other) => other !== rows);
        continue;
      }
      const cutMs = row > rows.rowStart ? rows.timeOf(row - 1) : 0;
      rows.dropBefore(row, (column, ref) => {
        const id = rows.idOf(column);
        const isCurrent = rows.epoch === this.#rowsEpoch && this.#columns[id] === column;
        if (isCurrent) this.#columns[id] = -1;
        detach(index.get(ref), rows, column, cutMs);
      });
    }
  }

  /** Takes every column out of the index: the stream is forgotten. */
  detachAll(index: SeriesIndex): void {
    for (const rows of this.allRows()) detachColumns(rows, index);
  }

  #snapshot(): Uint8Array {
    const readAtMs = (group: number) => this.rows.get(group)?.lastTimeMs ?? 0;
    const newestMs = Math.max(...[...this.rows.keys()].map(readAtMs));
    return this.decoder.snapshot(Math.max(this.decoder.lastTimeMs, newestMs), readAtMs);
  }

  #appendRows(frame: ParsedFrame): number {
    const { decoder } = this;
    let samples = 0;
    for (const { group, timeMs } of decoder.readings) {
      const rows = this.rows.get(group);
      if (rows === undefined || !rows.hasColumns) continue;
      // An agent that says otherwise spoils its own times only.
      rows.appendRow(Math.max(timeMs, rows.lastTimeMs + 1), false);
      samples += decoder.aliveOfGroup(group).length;
    }
    if (frame.timeMs <= this.lastTimeMs) {
      const setBack = { epoch: decoder.epoch, fromMs: frame.timeMs };
      this.setBacks = [...this.setBacks, setBack].slice(-SET_BACKS_MAX);
    }
    this.lastTimeMs = frame.timeMs;
    this.timeEpoch = decoder.epoch;
    this.#settle(frame.timeMs);
    return samples;
  }

  /** Rows of earlier epochs are closed; endings that no tick has shown yet get a silent row. */
  #settle(timeMs: number): void {
    if (!this.#isUnsettled) return;
    this.#isUnsettled = false;
    let living: Set<number> | null = null;
    for (const rows of this.oldRows) {
      if (rows.isClosed) continue;
      living ??= this.#livingRefs();
      for (let column = 0; column < rows.columnCount; column += 1) {
        if (!living.has(rows.refOf(column))) rows.end(column);
      }
      rows.isClosed = true;
    }
    for (const rows of this.allRows()) {
      // After a clock stepped back a new epoch is earlier; the old one still ends after its rows.
      if (rows.hasPendingEnd) rows.appendRow(Math.max(timeMs, rows.lastTimeMs + 1), true);
    }
  }

  #livingRefs(): Set<number> {
    const refs = new Set<number>();
    for (const rows of this.rows.values()) {
      for (let column = 0; column < rows.columnCount; column += 1) {
        if (rows.isOpen(column)) refs.add(rows.refOf(column));
      }
    }
    return refs;
  }

  #beginRows(): void {
    if (this.rows.size > 0) this.#isUnsettled = true;
    this.oldRows.push(...this.rows.values());
    this.rows.clear();
    this.#columns = new Int32Array(this.decoder.seriesKnown).fill(-1);
    this.#rowsEpoch = this.decoder.epoch;
  }

  #setAll({ group, changed: ids }: ParsedGroup, timeMs: number, index: SeriesIndex): void {
    if (ids.length === 0) return;
    this.#changesSinceMark += ids.length;
    const { values, definitions } = this.decoder;
    const rows = this.#rowsOf(group);
    for (let i = 0; i < ids.length; i += 1) {
      const id = ids[i] ?? 0;
      const value = values[id] ?? 0;
      const column = this.#columns[id] ?? -1;
      if (column >= 0 && rows.idOf(column) === id) {
        rows.set(column, value);
        continue;
      }
      // New, or named in another group than it was defined in.
      const own = this.#rowsOf(definitions[id]?.group ?? 0);
      own.set(column >= 0 ? column : this.#openColumn(id, own, timeMs, index), value);
    }
  }

  #rowsOf(group: number): GroupRows {
    const make = () => new GroupRows(this.number, this.#rowsEpoch, group);
    return getOrInsert(this.rows, group, make);
  }

  #openColumn(id: number, rows: GroupRows, timeMs: number, index: SeriesIndex): number {
    const definition = this.decoder.definitions[id];
    assert(definition !== undefined);
    const series = index.find(storedLabels(this.node, definition.labels));
    assert(series !== undefined);
    series.firstMs = Math.min(series.firstMs, timeMs);
    if (id >= this.#columns.length) {
      const capacity = Math.max(id + 1, this.#columns.length * 2);
      this.#columns = grownCopy(this.#columns, new Int32Array(capacity).fill(-1));
    }
    let column = columnWith(series, rows, definition.scale);
    if (column >= 0) {
      // The series came back under another id; of two ids at once the later has the column.
      this.#columns[rows.idOf(column)] = -1;
      rows.giveColumn(column, id);
    } else {
      column = rows.addColumn(series.ref, id, definition.scale);
      series.head = [...series.head, { rows, column }];
    }
    this.#columns[id] = column;
    return column;
  }
}

function columnWith(series: Series, rows: GroupRows, scale: number): number {
  for (const place of series.head) {
    if (place.rows === rows && rows.scaleOf(place.column) === scale) return place.column;
  }
  return -1;
}

function detachColumns(rows: GroupRows, index: SeriesIndex): void {
  for (let column = 0; column < rows.columnCount; column += 1) {
    detach(index.get(rows.refOf(column)), rows, column, rows.lastTimeMs);
  }
}

function detach(series: Series | undefined, rows: GroupRows, column: number, lastMs: number): void {
  if (series === undefined) return;
  series.lastMs = Math.max(series.lastMs, lastMs);
  series.head = series.head.filter((place) => place.rows !== rows || place.column !== column);
}
