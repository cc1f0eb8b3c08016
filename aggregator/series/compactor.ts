import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { del, put } from "../../shared/platform/ports.ts";
import type { SerialQueue } from "../../shared/time/serial-queue.ts";
import { CHUNK_VERSION } from "./chunk.ts";
import { Chunk } from "./chunk-decoder.ts";
import { ChunkMerge, canFollow, isMergeable } from "./chunk-merge.ts";
import { chunkRange, keyWord, partitionRange, sourceOf } from "./keys.ts";
import type { StoreParts } from "./parts.ts";

type Found = { readonly key: Uint8Array; readonly chunk: Chunk };

/** Makes the chunks of partitions that are complete few and small, then LevelDB's tables of them. */
export class Compactor {
  readonly #parts: StoreParts;
  readonly #turns: SerialQueue;
  readonly #merge: ChunkMerge;
  /** How each partition was when it was looked at last. */
  readonly #seen = new Map<number, number>();

  /**
   * @param turns for work on chunks; each block of a partition is one
   * @param pause gives the event loop a turn
   */
  constructor(parts: StoreParts, turns: SerialQueue, pause: () => Promise<void>) {
    this.#parts = parts;
    this.#turns = turns;
    this.#merge = new ChunkMerge(pause);
  }

  /**
   * Compacts the partitions that end at or before `timeMs` and got no chunk since the last call. A
   * run that is cut off has done what it has done.
   */
  async compactBefore(timeMs: number): Promise<void> {
    const { partitions } = this.#parts;
    for (const partition of partitions.uncompacted(timeMs)) {
      const change = partitions.changeOf(partition);
      if ((this.#seen.get(partition) ?? 0) === change) await this.#compact(partition, change);
      else this.#seen.set(partition, change);
    }
    for (const partition of this.#seen.keys()) {
      if (partitions.changeOf(partition) === 0) this.#seen.delete(partition);
    }
  }

  async #compact(partition: number, change: number): Promise<void> {
    const { partitions, store } = this.#parts;
    for (let block = await this.#blockFrom(partition, 0); block !== null; ) {
      const current = block;
      await this.#turns.run(() => this.#compactBlock(partition, current));
      block = await this.#blockFrom(partition, current + 1);
    }
    await store.compact(partitionRange(partition, partition + 1));
    await this.#turns.run(() => partitions.setCompacted(store, partition, change));
  }

  /** The first block with chunks, from `first` on. */
  async #blockFrom(partition: number, first: number): Promise<number | null> {
    const { gte } = chunkRange(partition, first, first, 0);
    const { lt } = partitionRange(partition, partition + 1);
    for await (const [key] of this.#parts.store.entries({ gte, lt, limit: 1 })) {
      return keyWord(key, 1);
    }
    return null;
  }

  async #compactBlock(partition: number, block: number): Promise<void> {
    const { store, damage } = this.#parts;
    const bySource = new Map<string, Found[]>();
    for await (const entry of store.entries(chunkRange(partition, block, block, 0))) {
      const chunk = await damage.read(entry, (bytes) => new Chunk(bytes));
      if (chunk === null || !isMergeable(chunk)) continue;
      getOrInsert(bySource, sourceOf(entry[0]), () => []).push({ key: entry[0], chunk });
    }
    for (const found of bySource.values()) {
      for (const run of runsOf(found)) await this.#mergeRun(run);
    }
  }

  /** One write: the chunk has the key of the last that it is made of. */
  async #mergeRun(run: readonly Found[]): Promise<void> {
    const last = run.at(-1);
    if (last === undefined) return;
    if (run.length === 1 && last.chunk.version === CHUNK_VERSION.merged) return;
    const value = await this.#merge.merge(run.map(({ chunk }) => chunk));
    if (value === null) return;
    const replaced = run.slice(0, -1).map(({ key }) => del(key));
    await this.#parts.store.batch([put(last.key, value), ...replaced], { sync: false });
  }
}

/** Chunks of one source, in the order of their times, as lists that can become one each. */
function* runsOf(found: readonly Found[]): Iterable<readonly Found[]> {
  let run: Found[] = [];
  for (const one of found) {
    const chunks = run.map(({ chunk }) => chunk);
    if (!canFollow(chunks, one.chunk)) {
      yield run;
      run = [];
    }
    run.push(one);
  }
  yield run;
}
