import { OperationalError } from "../../shared/errors.ts";
import type { Matcher, SeriesColumns } from "../../shared/model/columns.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { Chunk } from "./chunk-decoder.ts";
import type { DamageKeeper } from "./damage.ts";
import { type EndOfEpoch, HeadReader } from "./head-reader.ts";
import { blockOf, chunkRange, partitionOf, type Range, readChunkKey } from "./keys.ts";
import { PieceMerger, type RankedPiece } from "./merge.ts";
import type { Partitions } from "./partitions.ts";
import type { Series, SeriesIndex } from "./series-index.ts";

/** Samples one select may give: 16 bytes each in memory. */
const SELECT_SAMPLES_MAX = 50_000_000;

type Selected = { readonly series: Series; readonly pieces: RankedPiece[] };

export type SelectSource = {
  readonly store: KeyValueStore;
  readonly index: SeriesIndex;
  readonly partitions: Partitions;
  readonly damage: DamageKeeper;
};

/** One select: startMs < time <= endMs, and of each epoch nothing after the end that it has. */
export class Selection {
  readonly #source: SelectSource;
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #endOf: EndOfEpoch;
  #sampleCount = 0;

  constructor(source: SelectSource, startMs: number, endMs: number, endOf: EndOfEpoch) {
    this.#source = source;
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
    for (const series of this.#source.index.select(matchers)) {
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
      if (pieces.length > 0) result.push({ labels: series.labels, ...columns(merger, pieces) });
    }
    return result;
  }

  #readHead(selected: readonly Selected[]): void {
    const reader = new HeadReader(this.#startMs, this.#endOf);
    for (const { series, pieces } of selected) {
      for (const { rows, column } of series.head) {
        const { times, values } = reader.read(rows, column);
        if (times.length === 0) continue;
        this.#count(times.length);
        pieces.push({ times, values, rank: rankOf(rows.stream, rows.epoch) });
      }
    }
  }

  /** Where the chunks of the selected series lie: neighbouring blocks are one range a partition. */
  #chunkRanges(selected: readonly Selected[]): Range[] {
    const ranges: Range[] = [];
    const { partitions } = this.#source;
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
    const byRef = new Map<number, Selected>();
    for (const one of selected) byRef.set(one.series.ref, one);
    for (const range of ranges) {
      for await (const [key, value] of this.#source.store.entries(range)) {
        const place = readChunkKey(key);
        if (place.endMs <= this.#startMs) continue;
        try {
          this.#readChunk(new Chunk(value), place, byRef);
        } catch (error) {
          if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
          await this.#source.damage.setAside(key, value, error);
        }
      }
    }
  }

  #readChunk(
    chunk: Chunk,
    { stream, epoch }: { readonly stream: number; readonly epoch: number },
    byRef: ReadonlyMap<number, Selected>,
  ): void {
    const endMs = this.#endOf(stream, epoch);
    if ((chunk.times[0] ?? 0) > endMs) return;
    const rank = rankOf(stream, epoch);
    const { refs } = chunk;
    for (let i = 0; i < refs.length; i += 1) {
      const selected = byRef.get(refs[i] ?? 0);
      if (selected === undefined) continue;
      const { times, values } = chunk.read(i, this.#startMs, endMs);
      if (times.length === 0) continue;
      this.#count(times.length);
      selected.pieces.push({ times, values, rank });
    }
  }

  #count(samples: number): void {
    this.#sampleCount += samples;
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
  return series.head.length > 0 || series.lastMs > startMs;
}

function columns(merger: PieceMerger, pieces: RankedPiece[]) {
  // Head pieces were put first, and lie last in time.
  pieces.sort((a, b) => (a.times[0] ?? 0) - (b.times[0] ?? 0));
  const { times, values } = merger.merge(pieces);
  return { times, values };
}

/**
 * Of two samples at one time the one that was made later stands: in between, a clock that was ahead
 * was put right. Streams count from 1 and epochs stay far below 2^22 (seq < 2^53).
 */
function rankOf(stream: number, epoch: number): number {
  return -(stream * 2 ** 22 + epoch);
}
