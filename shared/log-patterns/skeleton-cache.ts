/**
 * What skeletons lead to, by their hashes (two of 32 bits): open addressing, so that a look makes
 * nothing. When it is full it forgets everything; what is not here is only found more slowly.
 */
export class SkeletonCache<Value extends object> {
  readonly #countMax: number;
  readonly #mask: number;
  readonly #highs: Int32Array;
  readonly #lows: Int32Array;
  readonly #values: (Value | null)[];
  #count = 0;

  constructor(countMax: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(8, countMax * 2)));
    this.#countMax = countMax;
    this.#mask = size - 1;
    this.#highs = new Int32Array(size);
    this.#lows = new Int32Array(size);
    this.#values = new Array<Value | null>(size).fill(null);
  }

  get(high: number, low: number): Value | null {
    return this.#values[this.#slotOf(high, low)] as Value | null;
  }

  set(high: number, low: number, value: Value): void {
    let slot = this.#slotOf(high, low);
    if (this.#values[slot] === null) {
      if (this.#count >= this.#countMax) {
        this.clear();
        slot = this.#slotOf(high, low);
      }
      this.#count += 1;
    }
    this.#highs[slot] = high;
    this.#lows[slot] = low;
    this.#values[slot] = value;
  }

  clear(): void {
    this.#values.fill(null);
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
