const LENGTH_MAX = 24;

/**
 * Words with a value each, found in a text without cutting it: most words of a line are none of
 * them, which their length and first character already say. ASCII; upper and lower case are the same.
 */
export class WordTable<V> {
  readonly #values: ReadonlyMap<string, V>;
  /** By length and first character, 1 where a word begins so. */
  readonly #gate = new Uint8Array((LENGTH_MAX + 1) * 128);

  constructor(words: Iterable<readonly [word: string, value: V]>) {
    this.#values = new Map(words);
    for (const word of this.#values.keys()) {
      const first = word.charCodeAt(0);
      this.#gate[word.length * 128 + first] = 1;
      this.#gate[word.length * 128 + word.toUpperCase().charCodeAt(0)] = 1;
    }
  }

  /** The value of the word from `start` to before `end`; null when it is none. */
  find(text: string, start: number, end: number): V | null {
    const length = end - start;
    if (length > LENGTH_MAX || length <= 0) return null;
    const first = text.charCodeAt(start);
    if (first >= 128 || this.#gate[length * 128 + first] === 0) return null;
    return this.#values.get(text.slice(start, end).toLowerCase()) ?? null;
  }
}
