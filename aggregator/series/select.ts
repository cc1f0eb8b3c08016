import { OperationalError } from "../../shared/errors.ts";
import type { Matcher, SeriesColumns } from "../../shared/model/columns.ts";
import { Chunk, type Piece } from "./chunk-decoder.ts";
import { type EndOfEpoch, HeadReader } from "./head-reader.ts";
import {
  blockOf,
  type ChunkSource,
  chunkRange,
  partitionOf,
  type Range,
  readChunkKey,
} from "./keys.ts";
import { PieceMerger, type RankedPiece } from "./merge.ts";
import type { StoreParts } from "./parts.ts";
import type { Series } from "./series-index.ts";
import { WRITTEN_STREAM } from "./written-cutter.ts";

/** Samples one select may give: 16 bytes each in memory. */
const SELECT_SAMPLES_MAX = 50_000_000;

type Selected = { readonly series: Series; readonly pieces: RankedPiece[] };

/** One select: startMs < time <= endMs, and of each epoch nothing after the end that it has. */
export class Selection {
  readonly #parts: StoreParts;
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #endOf: EndOfEpoch;
  #sampleCount = 0;

  constructor(parts: StoreParts, startMs: number, endMs: number, endOf: EndOfEpoch) {
    this.#parts = parts;
    this.#startMs = startMs;
    this.#endMs = endMs;
    this.#endOf = (stream, epoch) => Math.min(endMs, endOf(stream, epoch));
  }

  /**
   * The series that match and have samples, in the order in which they were first seen.
   * @throws OperationalError QUERY for a bad pattern, LIMIT for too many samples, STORAGE
   */
  async run(matchers: readonly Matcher[]): Promise<SeriesColumns[]> {
    const selected: Selected[] = [];
    for (const series of this.#parts.index.select(matchers)) {
      if (lastsAfter(series, this.#startMs)) selected.push({ series, pieces: [] });
    }
    // The head is read at once and first: what moves to chunks after this is there twice, not
    // missing, and the merge drops what is there twice.
    const ranges = this.#chunkRanges(selected);
    this.#readHead(selected);
    if (ranges.length > 0) await this.#readChunks(selected, ranges);
    const merger = new PieceMerger();
    const result: SeriesColumns[] = [];
    for (const { series, pieces } of selected) {
      if (pieces.length === 0) continue;
      // Head pieces were put first, and lie last in time.
      pieces.sort((a, b) => (a.times[0] ?? 0) - (b.times[0] ?? 0));
      const { times, values } = merger.merge(pieces);
      result.push({ labels: series.labels, times, values });
    }
    return result;
  }

  #readHead(selected: readonly Selected[]): void {
    const reader = new HeadReader(this.#startMs, this.#endOf);
    for (const { series, pieces } of selected) {
      for (const { rows, column } of series.head) {
        this.#add(pieces, reader.read(rows, column), rankOf(rows.stream, rows.epoch));
      }
      this.#readWritten(series, pieces);
    }
  }

  #readWritten({ written: slot }: Series, pieces: RankedPiece[]): void {
    if (slot < 0) return;
    for (const piece of this.#parts.written.read(slot, this.#startMs, this.#endMs)) {
      this.#add(pieces, piece, rankOf(WRITTEN_STREAM, piece.segment));
    }
  }

  /** Where the chunks of the selected series lie: neighbouring blocks are one range a partition. */
  #chunkRanges(selected: readonly Selected[]): Range[] {
    const ranges: Range[] = [];
    const { partitions } = this.#parts;
    if (selected.length === 0 || this.#startMs >= partitions.chunksEndMs) return ranges;
    const runs: { first: number; last: number }[] = [];
    for (const { series } of selected) {
      const block = blockOf(series.ref);
      const run = runs.at(-1);
      if (run !== undefined && block - run.last <= 1) run.last = block;
      else runs.push({ first: block, last: block });
    }
    const first = partitionOf(this.#startMs);
    for (const partition of partitions.between(first, partitionOf(this.#endMs))) {
      const afterMs = partition === first ? this.#startMs : 0;
      for (const run of runs) ranges.push(chunkRange(partition, run.first, run.last, afterMs));
    }
    return ranges;
  }

  async #readChunks(selected: readonly Selected[], ranges: readonly Range[]): Promise<void> {
    const byRef = new Map(selected.map((one) => [one.series.ref, one]));
    for (const range of ranges) {
      for await (const entry of this.#parts.store.entries(range)) {
        const place = readChunkKey(entry[0]);
        if (place.endMs <= this.#startMs) continue;
        await this.#parts.damage.read(entry, (bytes) => this.#readChunk(bytes, place, byRef));
      }
    }
  }

  #readChunk(
    bytes: Uint8Array,
    { stream, epoch }: ChunkSource,
    byRef: ReadonlyMap<number, Selected>,
  ): void {
    const chunk = new Chunk(bytes);
    const endMs = this.#endOf(stream, epoch);
    if ((chunk.times[0] ?? 0) > endMs) return;
    const rank = rankOf(stream, epoch);
    const { refs } = chunk;
    for (let i = 0; i < refs.length; i += 1) {
      const selected = byRef.get(refs[i] ?? 0);
      if (selected === undefined) continue;
      this.#add(selected.pieces, chunk.read(i, this.#startMs, endMs), rank);
    }
  }

  #add(pieces: RankedPiece[], { times, values }: Piece, rank: number): void {
    if (times.length === 0) return;
    pieces.push({ times, values, rank });
    this.#sampleCount += times.length;
    if (this.#sampleCount > SELECT_SAMPLES_MAX) {
      throw new OperationalError(
        "LIMIT",
        `The query needs more than ${SELECT_SAMPLES_MAX} samples: select fewer series or less time`,
      );
    }
  }
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
