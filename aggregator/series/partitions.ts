import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { keyWord, PARTITION_MS, partitionOf, partitionRange, rangeOf } from "./keys.ts";

/** Which stretches of time have chunks. */
export class Partitions {
  /** Ascending. */
  #numbers: number[] = [];
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
      if (found === null) return;
      this.#numbers.push(found);
      gte = partitionRange(found + 1, found + 2).gte;
    }
  }

  /** A chunk was written that ends at `endMs`. */
  add(endMs: number): void {
    const partition = partitionOf(endMs);
    this.chunksEndMs = Math.max(this.chunksEndMs, endMs);
    if (this.#numbers.includes(partition)) return;
    this.#numbers.push(partition);
    this.#numbers.sort((a, b) => a - b);
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
      await store.clear(range);
      await store.compact(range);
    }
  }
}
