/** Work that must not overlap: each piece starts when the one asked for before it is done. */
export class Turns {
  #tail: Promise<unknown> = Promise.resolve();

  async take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {}); // whoever asked for the work handles it
    return await turn;
  }
}
