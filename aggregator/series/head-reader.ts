import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { scaledValue } from "../../shared/model/series-definition.ts";
import { columnBits, setStale } from "../../shared/model/stale.ts";
import type { Piece } from "./chunk-decoder.ts";
import { type ColumnSpace, newColumn } from "./column-space.ts";
import { Changes, type GroupRows } from "./group-rows.ts";

/** The last time that is wanted of an epoch of a stream. */
export type EndOfEpoch = (stream: number, epoch: number) => number;

type Window = {
  readonly from: number;
  readonly end: number;
  readonly times: Float64Array;
  readonly silent: ReadonlySet<number>;
};

/** Reads recent samples of one stretch of time, startMs < time <= end of the epoch. */
export class HeadReader {
  readonly #startMs: number;
  readonly #endOf: EndOfEpoch;
  readonly #windows = new Map<GroupRows, Window>();
  readonly #changes = new Changes();
  readonly #space: ColumnSpace | null;

  /** @param space where pieces are made; null: in memory of their own */
  constructor(startMs: number, endOf: EndOfEpoch, space: ColumnSpace | null = null) {
    this.#startMs = startMs;
    this.#endOf = endOf;
    this.#space = space;
  }

  /** A copy; columns with a value in every row share their times. May be empty. */
  read(rows: GroupRows, column: number): Piece {
    const window = this.#windowOf(rows);
    const changes = this.#changes;
    rows.readChanges(column, window.from, window.end, changes);
    const scale = rows.scaleOf(column);
    const into = { window, scale, space: this.#space };
    return isFull(changes, window) ? fill(changes, into) : spread(changes, into);
  }

  #windowOf(rows: GroupRows): Window {
    return getOrInsert(this.#windows, rows, () => {
      const from = rows.rowAfter(this.#startMs);
      const end = Math.max(from, rows.rowAfter(this.#endOf(rows.stream, rows.epoch)));
      const silent = new Set(rows.silentRows.filter((row) => row >= from && row < end));
      return { from, end, times: rows.times(from, end), silent };
    });
  }
}

function isFull(changes: Changes, window: Window): boolean {
  if (window.silent.size > 0 || changes.count === 0) return false;
  if (changes.rows[changes.count - 1] !== window.from) return false;
  for (let i = 0; i < changes.count; i += 1) if (changes.ends[i] === 1) return false;
  return true;
}

type Into = {
  readonly window: Window;
  readonly scale: number;
  readonly space: ColumnSpace | null;
};

function fill(changes: Changes, { window, scale, space }: Into): Piece {
  const values = newColumn(space, window.end - window.from);
  let end = values.length;
  for (let i = 0; i < changes.count; i += 1) {
    const from = (changes.rows[i] ?? 0) - window.from;
    const value = scaledValue(changes.values[i] ?? 0, scale);
    if (end === from + 1) values[from] = value;
    else values.fill(value, from, end);
    end = from;
  }
  return { times: window.times, values };
}

function spread(changes: Changes, { window, scale, space }: Into): Piece {
  const times = newColumn(space, window.end - window.from);
  const values = newColumn(space, times.length);
  const bits = columnBits(values);
  let count = 0;
  for (let i = changes.count - 1; i >= 0; i -= 1) {
    const row = changes.rows[i] ?? 0;
    if (changes.ends[i] === 1) {
      times[count] = window.times[row - window.from] ?? 0;
      setStale(bits, count);
      count += 1;
      continue;
    }
    const nextRow = i > 0 ? (changes.rows[i - 1] ?? 0) : window.end;
    const value = scaledValue(changes.values[i] ?? 0, scale);
    for (let at = row; at < nextRow; at += 1) {
      if (window.silent.has(at)) continue;
      times[count] = window.times[at - window.from] ?? 0;
      values[count] = value;
      count += 1;
    }
  }
  return { times: times.subarray(0, count), values: values.subarray(0, count) };
}
