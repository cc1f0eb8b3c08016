import type { BatchOperation, KeyValueStore } from "../../shared/platform/ports.ts";
import { CHUNK_ROWS_MAX } from "./chunk.ts";
import { ChunkEncoder } from "./chunk-encoder.ts";
import { blockOf, checkpointKey, chunkKey, partitionOf, seriesKey } from "./keys.ts";
import { Changes, type Lane } from "./lane.ts";
import type { Partitions } from "./partitions.ts";
import { encodeCheckpoint, encodeSeries } from "./records.ts";
import type { Series, SeriesIndex } from "./series-index.ts";
import type { Mark, Stream } from "./stream.ts";

/** Chunks of one write. Encoding that many takes some milliseconds, so ingest waits no longer. */
const BATCH_CHUNKS_MAX = 48;

type Rows = { readonly from: number; readonly end: number };

/** Writes what a mark cuts off as chunks. */
export class Cutter {
  readonly #store: KeyValueStore;
  readonly #index: SeriesIndex;
  readonly #partitions: Partitions;
  readonly #encoder = new ChunkEncoder();
  readonly #changes = new Changes();

  constructor(store: KeyValueStore, index: SeriesIndex, partitions: Partitions) {
    this.#store = store;
    this.#index = index;
    this.#partitions = partitions;
  }

  /**
   * Chunks and checkpoint are one synced write. Of a very large stream the first chunks are written
   * before: after a crash in between its frames are replayed, and what is there twice is the same
   * sample of the same lane, which a select takes once.
   */
  async write(stream: Stream, mark: Mark): Promise<void> {
    let operations: BatchOperation[] = [];
    for (const [lane, end] of mark.rows) {
      for (const rows of stretchesOf(lane, end)) {
        for (const columns of columnsByBlock(lane)) {
          this.#addChunk(operations, lane, rows, columns);
          if (operations.length < BATCH_CHUNKS_MAX) continue;
          await this.#store.batch(operations, { sync: false });
          operations = [];
        }
      }
    }
    this.#addEndedSeries(operations, mark);
    operations.push({
      type: "put",
      key: checkpointKey(stream.number),
      value: encodeCheckpoint({ ...mark, chunksEndMs: this.#partitions.chunksEndMs }),
    });
    await this.#store.batch(operations, { sync: true });
  }

  #addChunk(
    operations: BatchOperation[],
    lane: Lane,
    rows: Rows,
    columns: readonly number[],
  ): void {
    this.#encoder.begin(rows.from, lane.times(rows.from, rows.end), lane.silentRows);
    for (const column of columns) {
      lane.readChanges(column, rows.from, rows.end, this.#changes);
      this.#encoder.addColumn(lane.refOf(column), lane.scaleOf(column), this.#changes);
    }
    const value = this.#encoder.finish();
    if (value === null) return;
    const endMs = lane.timeOf(rows.end - 1);
    const { stream, epoch, group } = lane;
    const block = blockOf(lane.refOf(columns[0] ?? 0));
    const key = chunkKey({ partition: partitionOf(endMs), block, endMs, stream, epoch, group });
    operations.push({ type: "put", key, value });
    this.#partitions.add(endMs);
  }

  /** Series that have all their samples in chunks now say in their record when the last one was. */
  #addEndedSeries(operations: BatchOperation[], mark: Mark): void {
    const ended = new Map<Series, { columns: number; lastMs: number }>();
    for (const [lane, end] of mark.rows) {
      const isWhole = lane.isClosed && end === lane.rowEnd;
      const lastMs = end > lane.rowStart ? lane.timeOf(end - 1) : 0;
      for (let column = 0; column < lane.columnCount; column += 1) {
        const series = this.#index.get(lane.refOf(column));
        if (series === undefined || !(isWhole || lane.isEndedBefore(column, end))) continue;
        const known = ended.get(series) ?? { columns: 0, lastMs: series.lastMs };
        known.columns += 1;
        known.lastMs = Math.max(known.lastMs, lastMs);
        ended.set(series, known);
      }
    }
    for (const [{ ref, labels, firstMs, head }, { columns, lastMs }] of ended) {
      if (columns < head.length) continue;
      const value = encodeSeries({ labels, firstMs, lastMs });
      operations.push({ type: "put", key: seriesKey(ref), value });
    }
  }
}

/** The rows up to `end`, in stretches that each lie in one partition. */
function* stretchesOf(lane: Lane, end: number): Iterable<Rows> {
  let from = lane.rowStart;
  for (let row = from + 1; row <= end; row += 1) {
    const isLast =
      row === end ||
      row - from >= CHUNK_ROWS_MAX ||
      partitionOf(lane.timeOf(row)) !== partitionOf(lane.timeOf(from));
    if (!isLast) continue;
    yield { from, end: row };
    from = row;
  }
}

/** Columns in use, by block, refs ascending in each. */
function columnsByBlock(lane: Lane): Iterable<readonly number[]> {
  const columns: number[] = [];
  for (let column = 0; column < lane.columnCount; column += 1) {
    if (lane.refOf(column) !== 0) columns.push(column);
  }
  columns.sort((a, b) => lane.refOf(a) - lane.refOf(b));
  const byBlock = new Map<number, number[]>();
  for (const column of columns) {
    const block = blockOf(lane.refOf(column));
    const known = byBlock.get(block);
    if (known === undefined) byBlock.set(block, [column]);
    else known.push(column);
  }
  return byBlock.values();
}
