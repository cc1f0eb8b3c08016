import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import { columnBits, isStale } from "../../shared/model/stale.ts";
import { type BatchOperation, put } from "../../shared/platform/ports.ts";
import { CHUNK_ROWS_MAX, CHUNK_VERSION } from "./chunk.ts";
import type { Piece } from "./chunk-decoder.ts";
import { ChunkEncoder } from "./chunk-encoder.ts";
import { Changes } from "./group-rows.ts";
import { blockOf, chunkKey, partitionOf, seriesKey, WRITTEN_CHECKPOINT_KEY } from "./keys.ts";
import type { StoreParts } from "./parts.ts";
import { encodeSeries } from "./records.ts";
import { encodeWrittenCheckpoint } from "./written-log.ts";
import type { WrittenSegment } from "./written-segment.ts";

/** Chunks of what was written are of no stream; these count from 1. */
export const WRITTEN_STREAM = 0;
/** Chunks of one write: see cutter.ts. */
const BATCH_CHUNKS_MAX = 48;

type Column = Piece & { readonly ref: number };

/** Writes the sealed segment as chunks: series of a block whose samples have the same times share one. */
export class WrittenCutter {
  readonly #parts: StoreParts;
  readonly #encoder = new ChunkEncoder(CHUNK_VERSION.cut);
  readonly #changes = new Changes();

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /**
   * The last write, which is synced, is the checkpoint: after a crash before it the log is replayed,
   * and what is in chunks already is there twice, which a select takes once. Returns the slots of
   * series to which nothing was written in the whole segment.
   */
  async write(segment: WrittenSegment): Promise<readonly number[]> {
    const { store, written } = this.#parts;
    const slots = written.slotsByRef();
    let operations: BatchOperation[] = [];
    for (const block of this.#blocks(segment, slots)) {
      for (const [group, columns] of block.entries()) {
        this.#addChunks(operations, segment.number, group, columns);
        if (operations.length < BATCH_CHUNKS_MAX) continue;
        await store.batch(operations, { sync: false });
        operations = [];
      }
    }
    const idle = slots.filter((slot) => !segment.has(slot) && !written.open.has(slot));
    this.#addEndedSeries(operations, idle);
    operations.push(put(WRITTEN_CHECKPOINT_KEY, this.#checkpoint(segment, idle)));
    await store.batch(operations, { sync: true });
    return idle;
  }

  /** Of each block the columns of those series that share their times, by group. */
  *#blocks(segment: WrittenSegment, slots: readonly number[]): Iterable<readonly Column[][]> {
    const { written } = this.#parts;
    let [block, groups] = [-1, [] as Column[][]];
    for (const slot of slots) {
      if (!segment.has(slot)) continue;
      const ref = written.refOf(slot);
      if (blockOf(ref) !== block) {
        if (groups.length > 0) yield groups;
        [block, groups] = [blockOf(ref), []];
      }
      const { times, values } = segment.read(
        slot,
        Number.NEGATIVE_INFINITY,
        Number.POSITIVE_INFINITY,
      );
      if (times.length === 0) continue;
      const group = groups.find(([first]) => first !== undefined && isEqual(first.times, times));
      if (group === undefined) groups.push([{ ref, times, values }]);
      else group.push({ ref, times: group[0]?.times ?? times, values });
    }
    if (groups.length > 0) yield groups;
  }

  #addChunks(
    operations: BatchOperation[],
    epoch: number,
    group: number,
    columns: readonly Column[],
  ): void {
    const times = columns[0]?.times ?? new Float64Array(0);
    for (let from = 0, end = 1; end <= times.length; end += 1) {
      const isLast =
        end === times.length ||
        end - from >= CHUNK_ROWS_MAX ||
        partitionOf(times[end] ?? 0) !== partitionOf(times[from] ?? 0);
      if (!isLast) continue;
      this.#encoder.begin(from, times.subarray(from, end), []);
      for (const { ref, values } of columns) {
        this.#readChanges(values, from, end);
        this.#encoder.addColumn(ref, DOUBLE_SCALE, this.#changes);
      }
      const chunk = this.#encoder.finish();
      const endMs = times[end - 1] ?? 0;
      const block = blockOf(columns[0]?.ref ?? 0);
      if (chunk !== null) {
        const source = { endMs, stream: WRITTEN_STREAM, epoch };
        operations.push(put(chunkKey(block, source, group), chunk));
        this.#parts.partitions.add(endMs);
      }
      from = end;
    }
  }

  /** Newest first, as GroupRows.readChanges. */
  #readChanges(values: Float64Array, from: number, end: number): void {
    const changes = this.#changes;
    const bits = columnBits(values);
    changes.count = 0;
    for (let row = end - 1; row >= from; row -= 1) {
      const isMarker = isStale(bits, row);
      const isRepeated =
        row > from &&
        !isMarker &&
        bits[row * 2] === bits[row * 2 - 2] &&
        bits[row * 2 + 1] === bits[row * 2 - 1];
      if (!isRepeated) changes.add(row, isMarker ? 0 : (values[row] ?? 0), isMarker);
    }
  }

  #addEndedSeries(operations: BatchOperation[], idle: readonly number[]): void {
    const { index, written } = this.#parts;
    for (const slot of idle) {
      const series = index.get(written.refOf(slot));
      if (series === undefined) continue;
      const { ref, labels, firstMs } = series;
      const lastMs = Math.max(series.lastMs, written.baseTimeOf(slot));
      operations.push(put(seriesKey(ref), encodeSeries({ labels, firstMs, lastMs })));
    }
  }

  #checkpoint({ number: segment }: WrittenSegment, idle: readonly number[]): Uint8Array {
    const { partitions, written } = this.#parts;
    const isIdle = new Set(idle);
    const series = written
      .slotsByRef()
      .filter((slot) => !isIdle.has(slot) && written.baseTimeOf(slot) > 0)
      .map((slot) => ({ ref: written.refOf(slot), lastMs: written.baseTimeOf(slot) }));
    return encodeWrittenCheckpoint({ segment, chunksEndMs: partitions.chunksEndMs, series });
  }
}

function isEqual(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = a.length - 1; i >= 0; i -= 1) if (a[i] !== b[i]) return false;
  return true;
}
