import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import { columnBits, isStale } from "../../shared/model/stale.ts";
import { CHUNK_ROWS_MAX, CHUNK_VERSION } from "./chunk.ts";
import type { Chunk, Piece } from "./chunk-decoder.ts";
import { ChunkEncoder } from "./chunk-encoder.ts";
import { ColumnValues } from "./column-values.ts";

/** Columns that are merged in one turn; ingest waits for it. */
const COLUMNS_PER_TURN = 8;

/** Makes one chunk of several that follow each other, of one block and one group of an epoch. */
export class ChunkMerge {
  readonly #encoder = new ChunkEncoder(CHUNK_VERSION.merged);
  readonly #column = new ColumnValues();
  readonly #pause: () => Promise<void>;

  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /**
   * The same samples, bit for bit.
   * @param chunks that are mergeable and can follow each other
   * @throws OperationalError PARSE when a column is damaged
   */
  async merge(chunks: readonly Chunk[]): Promise<Uint8Array | null> {
    const rowCount = chunks.reduce((sum, { times }) => sum + times.length, 0);
    const times = new Float64Array(rowCount);
    const places: Place[] = [];
    const silentRows: number[] = [];
    let from = 0;
    for (const chunk of chunks) {
      times.set(chunk.times, from);
      for (const row of chunk.silentRows) silentRows.push(from + row);
      places.push({ chunk, from, next: 0 });
      from += chunk.times.length;
    }
    this.#encoder.begin(0, times, silentRows);
    let columns = 0;
    for (const ref of refsOf(chunks)) {
      columns += 1;
      if (columns % COLUMNS_PER_TURN === 0) await this.#pause();
      this.#readColumn(places, ref);
      this.#encoder.addValues(ref, DOUBLE_SCALE, this.#column);
    }
    return this.#encoder.finish();
  }

  #readColumn(places: readonly Place[], ref: number): void {
    this.#column.reset();
    for (const place of places) {
      const { chunk, from, next } = place;
      if (chunk.refs[next] !== ref) continue;
      place.next += 1;
      addPiece(this.#column, chunk, chunk.read(next, 0, Number.MAX_SAFE_INTEGER), from);
    }
  }
}

/** A chunk, its first row among all rows, and the column that is looked at next. */
type Place = { readonly chunk: Chunk; readonly from: number; next: number };

/** Whether each series has one column: it has two where its scale changed. */
export function isMergeable({ refs }: Chunk): boolean {
  for (let i = 1; i < refs.length; i += 1) if (refs[i] === refs[i - 1]) return false;
  return true;
}

/** Whether `next` is later than all that is there, and one chunk can hold both. */
export function canFollow(before: readonly Chunk[], next: Chunk): boolean {
  const last = before.at(-1);
  if (last === undefined) return true;
  const rows = before.reduce((sum, { times }) => sum + times.length, next.times.length);
  return rows <= CHUNK_ROWS_MAX && (next.times[0] ?? 0) > (last.times.at(-1) ?? 0);
}

function refsOf(chunks: readonly Chunk[]): number[] {
  const refs = new Set<number>();
  for (const chunk of chunks) for (const ref of chunk.refs) refs.add(ref);
  return [...refs].sort((a, b) => a - b);
}

/** Samples at rows that follow each other go in as one. */
function addPiece(column: ColumnValues, chunk: Chunk, piece: Piece, from: number): void {
  const { times, values } = piece;
  const bits = columnBits(values);
  let row = 0;
  let start = 0; // the first sample that is not in yet
  for (let i = 0; i < times.length; i += 1) {
    const isNext = chunk.times[row] === times[i];
    if (isNext && !isStale(bits, i)) {
      row += 1;
      continue;
    }
    if (i > start) column.addValues(from + row - (i - start), values, start, i);
    while ((chunk.times[row] ?? Number.POSITIVE_INFINITY) < (times[i] ?? 0)) row += 1;
    start = i;
    if (isStale(bits, i)) {
      column.addMarker(from + row);
      start = i + 1;
    }
    row += 1;
  }
  const count = times.length - start;
  if (count > 0) column.addValues(from + row - count, values, start, times.length);
}
