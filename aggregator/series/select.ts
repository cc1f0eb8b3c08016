import type { Matcher, SelectedSeries, SeriesColumns } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import type { Entry } from "../../shared/platform/ports.ts";
import { Chunk } from "./chunk-decoder.ts";
import { ColumnSpace } from "./column-space.ts";
import { type EndOfEpoch, HeadReader } from "./head-reader.ts";
import {
  blockOf,
  chunkRange,
  PARTITION_MS,
  partitionOf,
  type Range,
  readChunkKey,
} from "./keys.ts";
import { PieceMerger, type RankedPiece } from "./merge.ts";
import type { StoreParts } from "./parts.ts";
import type { Series } from "./series-index.ts";
import { WRITTEN_STREAM } from "./written-cutter.ts";

/** Series that are read together, at most: the head's are read without a pause. */
const SERIES_AT_ONCE = 4096;
/** Fewer over a long time: their chunks are in memory together, some megabytes of them. */
const SERIES_MS_AT_ONCE = 1024 * 86_400_000;

/** A chunk in memory. Series are read in the order of their refs. */
type LoadedChunk = {
  readonly entry: Entry;
  readonly chunk: Chunk;
  readonly rank: number;
  readonly endMs: number;
  /** The column to look at next. */
  next: number;
};

/** One select: startMs < time <= endMs, and of each epoch nothing after the end that it has. */
export class Selection {
  readonly #parts: StoreParts;
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #endOf: EndOfEpoch;
  /** The series that is read now: its pieces, side by side. */
  readonly #space = new ColumnSpace();
  readonly #merger = new PieceMerger(this.#space);

  constructor(parts: StoreParts, startMs: number, endMs: number, endOf: EndOfEpoch) {
    this.#parts = parts;
    this.#startMs = startMs;
    this.#endMs = endMs;
    this.#endOf = (stream, epoch) => Math.min(endMs, endOf(stream, epoch));
  }

  /**
   * The series that match and have samples, in the order in which they were first seen. They are
   * read as they are taken, which is possible once.
   * @throws OperationalError QUERY for a bad pattern; STORAGE while series are taken
   */
  run(matchers: readonly Matcher[]): SelectedSeries {
    const found = this.#parts.index.select(matchers);
    const lasting = found.filter((series) => lastsAfter(series, this.#startMs));
    const columns = this.#columnsOf(lasting);
    return { length: lasting.length, [Symbol.asyncIterator]: () => columns };
  }

  async *#columnsOf(selected: readonly Series[]): AsyncGenerator<SeriesColumns, void, void> {
    const heads = new ColumnSpace();
    for (const batch of batchesOf(selected, this.#seriesAtOnce())) {
      // The head is read at once and first: what moves to chunks after this is there twice, not
      // missing, and the merge drops what is there twice.
      heads.reset();
      const headPieces = this.#readHead(batch, heads);
      const chunks = await this.#readChunks(batch);
      for (const [i, series] of batch.entries()) {
        const columns = await this.#columnsOfOne(series, chunks, headPieces[i] ?? []);
        if (columns !== null) yield columns;
      }
    }
  }

  #seriesAtOnce(): number {
    const partitions = this.#partitions().length;
    return Math.min(SERIES_AT_ONCE, SERIES_MS_AT_ONCE / (partitions * PARTITION_MS));
  }

  /** Those that may have chunks of the time. */
  #partitions(): number[] {
    const { partitions } = this.#parts;
    if (this.#startMs >= partitions.chunksEndMs) return [];
    return partitions.between(partitionOf(this.#startMs), partitionOf(this.#endMs));
  }

  #readHead(batch: readonly Series[], space: ColumnSpace): RankedPiece[][] {
    const reader = new HeadReader(this.#startMs, this.#endOf, space);
    return batch.map(({ head, written }) => {
      const pieces = this.#readWritten(written);
      for (const { rows, column } of head) {
        const { times, values } = reader.read(rows, column);
        if (times.length > 0) pieces.push({ times, values, rank: rankOf(rows.stream, rows.epoch) });
      }
      return pieces;
    });
  }

  /** @param slot -1: nobody else writes the series */
  #readWritten(slot: number): RankedPiece[] {
    const pieces: RankedPiece[] = [];
    if (slot < 0) return pieces;
    for (const piece of this.#parts.written.read(slot, this.#startMs, this.#endMs)) {
      const { times, values, segment } = piece;
      if (times.length > 0) pieces.push({ times, values, rank: rankOf(WRITTEN_STREAM, segment) });
    }
    return pieces;
  }

  /** Where the chunks of the series lie: neighbouring blocks are one range a partition. */
  #chunkRanges(batch: readonly Series[]): Range[] {
    const runs: { first: number; last: number }[] = [];
    for (const { ref } of batch) {
      const block = blockOf(ref);
      const run = runs.at(-1);
      if (run !== undefined && block - run.last <= 1) run.last = block;
      else runs.push({ first: block, last: block });
    }
    return this.#partitions().flatMap((partition) => {
      const afterMs = partition === partitionOf(this.#startMs) ? this.#startMs : 0;
      return runs.map(({ first, last }) => chunkRange(partition, first, last, afterMs));
    });
  }

  /** By the block of their series, as they lie in the store: by time. */
  async #readChunks(batch: readonly Series[]): Promise<ReadonlyMap<number, LoadedChunk[]>> {
    const { store, damage } = this.#parts;
    const loaded = new Map<number, LoadedChunk[]>();
    for (const range of this.#chunkRanges(batch)) {
      for await (const entry of store.entries(range)) {
        const { endMs, stream, epoch } = readChunkKey(entry[0]);
        if (endMs <= this.#startMs) continue;
        const chunk = await damage.read(entry, (bytes) => new Chunk(bytes));
        const wantedEndMs = this.#endOf(stream, epoch);
        if (chunk === null || (chunk.times[0] ?? 0) > wantedEndMs) continue;
        const chunks = getOrInsert(loaded, blockOf(chunk.refs[0] ?? 0), () => []);
        chunks.push({ entry, chunk, rank: rankOf(stream, epoch), endMs: wantedEndMs, next: 0 });
      }
    }
    return loaded;
  }

  /** Null when the series has no sample. */
  async #columnsOfOne(
    { ref, labels }: Series,
    loaded: ReadonlyMap<number, LoadedChunk[]>,
    headPieces: readonly RankedPiece[],
  ): Promise<SeriesColumns | null> {
    this.#space.reset();
    const pieces: RankedPiece[] = [];
    for (const chunk of loaded.get(blockOf(ref)) ?? []) {
      try {
        this.#addPiece(pieces, chunk, ref);
      } catch (error) {
        await this.#parts.damage.read(chunk.entry, () => {
          throw error;
        });
      }
    }
    for (const piece of headPieces) pieces.push(copied(piece, this.#space));
    if (pieces.length === 0) return null;
    const { times, values } = this.#merger.merge(pieces);
    return { labels, times, values };
  }

  #addPiece(pieces: RankedPiece[], loaded: LoadedChunk, ref: number): void {
    const { chunk, rank, endMs } = loaded;
    const { refs } = chunk;
    while (loaded.next < refs.length && (refs[loaded.next] ?? 0) < ref) loaded.next += 1;
    if (refs[loaded.next] !== ref) return;
    const { times, values } = chunk.read(loaded.next, this.#startMs, endMs, this.#space);
    if (times.length > 0) pieces.push({ times, values, rank });
  }
}

/** So many at a time, or a few more: a block is never torn. */
function* batchesOf(selected: readonly Series[], atOnce: number): Iterable<readonly Series[]> {
  for (let from = 0; from < selected.length; ) {
    let end = from + 1;
    let block = blockOf(selected[from]?.ref ?? 0);
    for (; end < selected.length; end += 1) {
      const next = blockOf(selected[end]?.ref ?? 0);
      if (end - from >= atOnce && next !== block) break;
      block = next;
    }
    yield selected.slice(from, end);
    from = end;
  }
}

/** Behind the pieces that lie in the space already. */
function copied({ times, values, rank }: RankedPiece, space: ColumnSpace): RankedPiece {
  const copy = space.take(values.length);
  copy.set(values); // bit by bit: markers stay
  return { times, values: copy, rank };
}

/** Whether a series may have samples after `startMs`. */
export function lastsAfter(series: Series, startMs: number): boolean {
  return series.head.length > 0 || series.written >= 0 || series.lastMs > startMs;
}

/**
 * Of two samples at one time the one that was made later stands: in between, a clock that was ahead
 * was put right. Streams count from 1 and epochs stay far below 2^22 (seq < 2^53).
 */
function rankOf(stream: number, epoch: number): number {
  return -(stream * 2 ** 22 + epoch);
}
