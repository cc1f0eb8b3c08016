import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type BatchOperation, put } from "../../shared/platform/ports.ts";
import { CHUNK_ROWS_MAX, CHUNK_VERSION } from "./chunk.ts";
import { ChunkEncoder } from "./chunk-encoder.ts";
import { Changes, type GroupRows } from "./group-rows.ts";
import { blockOf, checkpointKey, chunkKey, partitionOf, seriesKey } from "./keys.ts";
import type { StoreParts } from "./parts.ts";
import { encodeCheckpoint, encodeSeries } from "./records.ts";
import type { Series } from "./series-index.ts";
import type { Mark, Stream } from "./stream.ts";

/** Chunks of one write. Encoding that many takes some milliseconds, so ingest waits no longer. */
const BATCH_CHUNKS_MAX = 48;

type Stretch = { readonly from: number; readonly end: number };

/** Writes what a mark cuts off as chunks. */
export class Cutter {
  readonly #parts: StoreParts;
  readonly #encoder = new ChunkEncoder(CHUNK_VERSION.cut);
  readonly #changes = new Changes();

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /**
   * Chunks and checkpoint are one synced write. Of a very large stream the first chunks are written
   * before: after a crash in between its frames are replayed, and what is there twice is the same
   * sample of the same rows, which a select takes once.
   */
  async write(stream: Stream, mark: Mark): Promise<void> {
    const { store, partitions } = this.#parts;
    let operations: BatchOperation[] = [];
    for (const [rows, end] of mark.ends) {
      for (const stretch of stretchesOf(rows, end)) {
        for (const columns of columnsByBlock(rows)) {
          this.#addChunk(operations, rows, stretch, columns);
          if (operations.length < BATCH_CHUNKS_MAX) continue;
          await store.batch(operations, { sync: false });
          operations = [];
        }
      }
    }
    this.#addEndedSeries(operations, mark);
    const checkpoint = encodeCheckpoint({ ...mark, chunksEndMs: partitions.chunksEndMs });
    operations.push(put(checkpointKey(stream.number), checkpoint));
    await store.batch(operations, { sync: true });
  }

  #addChunk(
    operations: BatchOperation[],
    rows: GroupRows,
    stretch: Stretch,
    columns: readonly number[],
  ): void {
    this.#encoder.begin(stretch.from, rows.times(stretch.from, stretch.end), rows.silentRows);
    for (const column of columns) {
      rows.readChanges(column, stretch.from, stretch.end, this.#changes);
      this.#encoder.addColumn(rows.refOf(column), rows.scaleOf(column), this.#changes);
    }
    const value = this.#encoder.finish();
    if (value === null) return;
    const endMs = rows.timeOf(stretch.end - 1);
    const { stream, epoch, group } = rows;
    const block = blockOf(rows.refOf(columns[0] ?? 0));
    operations.push(put(chunkKey(block, { endMs, stream, epoch }, group), value));
    operations.push(...this.#parts.partitions.add(endMs));
  }

  /** Series that have all their samples in chunks now say in their record when the last one was. */
  #addEndedSeries(operations: BatchOperation[], mark: Mark): void {
    const ended = new Map<Series, { columns: number; lastMs: number }>();
    for (const [rows, end] of mark.ends) {
      const isWhole = rows.isClosed && end === rows.rowEnd;
      const lastMs = end > rows.rowStart ? rows.timeOf(end - 1) : 0;
      for (let column = 0; column < rows.columnCount; column += 1) {
        const series = this.#parts.index.get(rows.refOf(column));
        if (series === undefined || !(isWhole || rows.isEndedBefore(column, end))) continue;
        const known = getOrInsert(ended, series, () => ({ columns: 0, lastMs: series.lastMs }));
        known.columns += 1;
        known.lastMs = Math.max(known.lastMs, lastMs);
      }
    }
    for (const [{ ref, labels, firstMs, head }, { columns, lastMs }] of ended) {
      if (columns < head.length) continue;
      operations.push(put(seriesKey(ref), encodeSeries({ labels, firstMs, lastMs })));
    }
  }
}

/** The rows up to `end`, in stretches that each lie in one partition. */
function* stretchesOf(rows: GroupRows, end: number): Iterable<Stretch> {
  let from = rows.rowStart;
  for (let row = from + 1; row <= end; row += 1) {
    const isLast =
      row === end ||
      row - from >= CHUNK_ROWS_MAX ||
      partitionOf(rows.timeOf(row)) !== partitionOf(rows.timeOf(from));
    if (!isLast) continue;
    yield { from, end: row };
    from = row;
  }
}

/** Columns in use, by block, refs ascending in each. */
function columnsByBlock(rows: GroupRows): Iterable<readonly number[]> {
  const columns: number[] = [];
  for (let column = 0; column < rows.columnCount; column += 1) {
    if (rows.refOf(column) !== 0) columns.push(column);
  }
  columns.sort((a, b) => rows.refOf(a) - rows.refOf(b));
  const byBlock = new Map<number, number[]>();
  for (const column of columns) {
    getOrInsert(byBlock, blockOf(rows.refOf(column)), () => []).push(column);
  }
  return byBlock.values();
}
