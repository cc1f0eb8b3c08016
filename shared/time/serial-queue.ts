/** Runs jobs one after another, in the order of the calls. A failed job does not stop the next. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as the job does. */
  run<T>(job: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(job);
    this.#last = result.catch(() => {}); // the caller of `run` handles it
    return result;
  }

  /** Resolves when every job of the calls so far has ended, well or not. */
  async settled(): Promise<void> {
    await this.#last;
  }
}
