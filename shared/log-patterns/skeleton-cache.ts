const SIZE_MIN = 256;

/**
 * What skeletons lead to, by their hashes (two of 32 bits): open addressing, so that a look makes
 * nothing. When it is full it forgets everything; what is not here is only found more slowly.
 */
export class SkeletonCache<Value extends object> {
  readonly #countMax: number;
  /** At most half of the slots have a value; their number is a power of two. */
  #values: (Value | null)[] = [];
  #highs = new Int32Array(0);
  #lows = new Int32Array(0);
  #mask = 0;
  #count = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
    this.#clear(SIZE_MIN);
  }

  get(high: number, low: number): Value | null {
    return this.#values[this.#slotOf(high, low)] as Value | null;
  }

  set(high: number, low: number, value: Value): void {
    let slot = this.#slotOf(high, low);
    if (this.#values[slot] === null) {
      if (this.#count >= this.#countMax) this.#clear(this.#values.length);
      else if (this.#count * 2 >= this.#values.length) this.#grow();
      slot = this.#slotOf(high, low);
      this.#count += 1;
    }
    this.#highs[slot] = high;
    this.#lows[slot] = low;
    this.#values[slot] = value;
  }

  #grow(): void {
    const [highs, lows, values] = [this.#highs, this.#lows, this.#values];
    this.#clear(values.length * 2);
    for (const [i, value] of values.entries()) {
      if (value !== null) this.set(highs[i] as number, lows[i] as number, value);
    }
  }

  #clear(size: number): void {
    this.#values = new Array<Value | null>(size).fill(null);
    this.#highs = new Int32Array(size);
    this.#lows = new Int32Array(size);
    this.#mask = size - 1;
    this.#count = 0;
  }

  /** Of the key, or an empty one where it would be. */
  #slotOf(high: number, low: number): number {
    const mask = this.#mask;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      if (this.#values[slot] === null) return slot;
      if (this.#lows[slot] === low && this.#highs[slot] === high) return slot;
    }
  }
}
