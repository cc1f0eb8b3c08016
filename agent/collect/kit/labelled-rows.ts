import { JOB_NODE, SeriesRow, type SeriesSpec } from "../collector.ts";
import type { CollectContext } from "../context.ts";

/** Rows that come and go, by their labels. */
export class LabelledRows {
  readonly #context: CollectContext;
  readonly #specs: readonly SeriesSpec[];
  readonly #job: string;
  readonly #rows = new Map<string, SeriesRow>();
  readonly #seen = new Set<string>();

  constructor(context: CollectContext, specs: readonly SeriesSpec[], job = JOB_NODE) {
    this.#context = context;
    this.#specs = specs;
    this.#job = job;
  }

  /** Runs `tell`, which asks for rows; those that it did not ask for end. */
  update(tell: () => void): void {
    this.#seen.clear();
    tell();
    for (const [key, row] of this.#rows) {
      if (this.#seen.has(key)) continue;
      row.retire();
      this.#rows.delete(key);
    }
  }

  /** @param key the labels' own, where it is known already */
  of(labels: Readonly<Record<string, string>>, key = JSON.stringify(labels)): SeriesRow {
    this.#seen.add(key);
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = new SeriesRow(this.#context.sink, this.#specs, { ...labels, job: this.#job });
      this.#rows.set(key, row);
    }
    return row;
  }
}
