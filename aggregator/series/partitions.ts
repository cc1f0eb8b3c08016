import { type BatchOperation, del, type KeyValueStore, put } from "../../shared/platform/ports.ts";
import {
  compactedKey,
  keyWord,
  PARTITION_MS,
  partitionOf,
  partitionRange,
  rangeOf,
} from "./keys.ts";

/** Which stretches of time have chunks. */
export class Partitions {
  /** Ascending. */
  #numbers: number[] = [];
  /** Those with a record that says so; what was added since is in `#changes`. */
  readonly #compacted = new Set<number>();
  /** How many chunks were added to each since it was compacted. */
  readonly #changes = new Map<number, number>();
  /** No chunk has a time after it. */
  chunksEndMs = 0;

  get count(): number {
    return this.#numbers.length;
  }

  /** The latest time that a chunk can have. */
  get lastEndMs(): number {
    const last = this.#numbers.at(-1);
    return last === undefined ? 0 : (last + 1) * PARTITION_MS;
  }

  /** Finds them with one seek each. */
  async load(store: KeyValueStore): Promise<void> {
    const all = rangeOf("chunk");
    for (let gte = all.gte; ; ) {
      let found: number | null = null;
      for await (const [key] of store.entries({ gte, lt: all.lt, limit: 1 }))
        found = keyWord(key, 0);
      if (found === null) break;
      this.#numbers.push(found);
      gte = partitionRange(found + 1, found + 2).gte;
    }
    for await (const [key] of store.entries(rangeOf("compacted"))) {
      this.#compacted.add(keyWord(key, 0));
    }
  }

  /** A chunk that ends at `endMs` is about to be written; what is to be written with it. */
  add(endMs: number): readonly BatchOperation[] {
    const partition = partitionOf(endMs);
    this.chunksEndMs = Math.max(this.chunksEndMs, endMs);
    this.#changes.set(partition, this.changeOf(partition) + 1);
    if (!this.#numbers.includes(partition)) {
      this.#numbers.push(partition);
      this.#numbers.sort((a, b) => a - b);
    }
    return this.#compacted.has(partition) ? [del(compactedKey(partition))] : [];
  }

  /** Those that end at or before `timeMs` and have chunks that are not compacted. */
  uncompacted(timeMs: number): number[] {
    const end = partitionOf(timeMs);
    const isDone = (number: number) => this.#compacted.has(number) && this.changeOf(number) === 0;
    return this.#numbers.filter((number) => number < end && !isDone(number));
  }

  /** Another number after each chunk that was added. */
  changeOf(partition: number): number {
    return this.#changes.get(partition) ?? 0;
  }

  /** Unless a chunk was added since `changeOf` was `change`, or all of it was dropped. */
  async setCompacted(store: KeyValueStore, partition: number, change: number): Promise<void> {
    if (this.changeOf(partition) !== change || !this.#numbers.includes(partition)) return;
    await store.batch([put(compactedKey(partition), new Uint8Array())], { sync: true });
    this.#compacted.add(partition);
    this.#changes.delete(partition);
  }

  /** From `first` to `last`, both inclusive. */
  between(first: number, last: number): number[] {
    return this.#numbers.filter((number) => number >= first && number <= last);
  }

  /** Deletes the chunks of every partition that ends at or before `horizonMs`. */
  async dropBefore(store: KeyValueStore, horizonMs: number): Promise<void> {
    const end = partitionOf(horizonMs);
    for (const number of this.#numbers.filter((number) => number < end)) {
      const range = partitionRange(number, number + 1);
      this.#numbers = this.#numbers.filter((other) => other !== number);
      this.#changes.delete(number);
      await store.clear(range);
      if (this.#compacted.delete(number)) {
        await store.batch([del(compactedKey(number))], { sync: false });
      }
      await store.compact(range);
    }
  }
}
