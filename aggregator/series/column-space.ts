const NUMBERS_FIRST = 4096;

/**
 * Memory for columns that are needed for a short time: those taken one after the other lie side by
 * side, and `reset` gives all of it out anew. What is in a column before it is written means nothing.
 */
export class ColumnSpace {
  #memory = new Float64Array(NUMBERS_FIRST);
  #used = 0;

  take(count: number): Float64Array {
    if (this.#used + count > this.#memory.length) {
      // Columns that were taken before keep the old memory.
      this.#memory = new Float64Array(Math.max(this.#memory.length * 2, count));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += count;
    return this.#memory.subarray(from, this.#used);
  }

  reset(): void {
    this.#used = 0;
  }
}

/** A column from the space, or where there is none of its own. */
export function newColumn(space: ColumnSpace | null, count: number): Float64Array {
  return space === null ? new Float64Array(count) : space.take(count);
}
