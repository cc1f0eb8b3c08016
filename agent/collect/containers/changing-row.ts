type Labels = Readonly<Record<string, string>>;

/** A row whose labels may change: then its series end, and others begin. */
export class ChangingRow<T extends { retire(): void }> {
  row: T | null = null;
  readonly #make: (labels: Labels) => T;
  #key = "";

  constructor(make: (labels: Labels) => T) {
    this.#make = make;
  }

  /** Null: there are no series. */
  label(labels: Labels | null): void {
    const key = labels === null ? "" : JSON.stringify(labels);
    if (key === this.#key) return;
    this.#key = key;
    this.row?.retire();
    this.row = labels === null ? null : this.#make(labels);
  }
}
