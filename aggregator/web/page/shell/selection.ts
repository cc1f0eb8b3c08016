import { signal } from "@preact/signals";

/** The row of the list that the keys move. A list binds itself while it is shown. */
class Selection {
  readonly at = signal(-1);
  #count = 0;
  #show: (row: number) => void = () => {};

  bind(count: number, show: (row: number) => void): () => void {
    this.#count = count;
    this.#show = show;
    if (this.at.value >= count) this.at.value = count - 1;
    return () => {
      this.#count = 0;
    };
  }

  move(by: number): void {
    if (this.#count === 0) return;
    this.at.value = Math.min(this.#count - 1, Math.max(0, this.at.value + by));
    this.#show(this.at.value);
  }

  first(): void {
    this.at.value = -1;
    this.move(1);
  }
}

export const selectedRow = new Selection();
