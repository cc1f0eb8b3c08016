/** What is to be written, until it is: what a failed batch had is given out again with the next. */
export class Unwritten<T> {
  #fresh = new Set<T>();
  readonly #given = new Set<T>();

  add(one: T): void {
    this.#fresh.add(one);
  }

  /** Those since the last call, in the order in which they were added first. */
  give(): readonly T[] {
    const given = [...this.#fresh];
    for (const one of given) this.#given.add(one);
    this.#fresh.clear();
    return given;
  }

  settled(isWritten: boolean): void {
    if (!isWritten) this.#fresh = new Set([...this.#given, ...this.#fresh]);
    this.#given.clear();
  }
}
