/**
 * Who reads what lies on the disk now. What is replaced meanwhile is kept until all who had begun
 * before are done.
 */
export class Readers {
  readonly #active = new Set<object>();
  readonly #waiting: { readonly readers: Set<object>; readonly done: () => void }[] = [];

  /** Call what it returns when the reading is done. */
  begin(): () => void {
    const reader = {};
    this.#active.add(reader);
    return () => {
      this.#active.delete(reader);
      for (const one of [...this.#waiting]) {
        one.readers.delete(reader);
        if (one.readers.size > 0) continue;
        this.#waiting.splice(this.#waiting.indexOf(one), 1);
        one.done();
      }
    };
  }

  /** Resolves when nobody reads any more who does now. */
  async settled(): Promise<void> {
    if (this.#active.size === 0) return;
    await new Promise<void>((done) => {
      this.#waiting.push({ readers: new Set(this.#active), done });
    });
  }
}
