/** One reading in the background after another. */
export class ReadingLane {
  /** Whose reading runs. */
  current = "";
  #last: Promise<unknown> = Promise.resolve();

  run(name: string, read: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      this.current = name;
      await read();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
