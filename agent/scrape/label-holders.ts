type Waiting = {
  readonly handles: Set<number>;
  /** Of the handles: goes on where it was, however many went before it. */
  readonly next: Iterator<number>;
};

/**
 * Whose are the labels that relabelling gave to several series of a page: the first has them, and the
 * others wait until it goes. However many wait for the same, no call takes longer.
 */
export class LabelHolders {
  readonly #holders = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting>();

  /** @returns whether nobody else has them */
  add(key: string, handle: number): boolean {
    if (!this.#holders.has(key)) {
      this.#holders.set(key, handle);
      return true;
    }
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) waiting.handles.add(handle);
    else {
      const handles = new Set([handle]);
      this.#waiting.set(key, { handles, next: handles.values() });
    }
    return false;
  }

  /** @returns who has them from now on; null: nobody else than before */
  remove(key: string, handle: number): number | null {
    const waiting = this.#waiting.get(key);
    const next = this.#holders.get(key) === handle ? (waiting?.next.next().value ?? null) : null;
    if (next !== null) this.#holders.set(key, next);
    else if (this.#holders.get(key) === handle) this.#holders.delete(key);
    waiting?.handles.delete(next ?? handle);
    if (waiting?.handles.size === 0) this.#waiting.delete(key);
    return next;
  }
}
