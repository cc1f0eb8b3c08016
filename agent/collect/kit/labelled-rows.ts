import { JOB_NODE, SeriesRow, type SeriesSpec } from "../collector.ts";
import type { CollectContext } from "../context.ts";

/** Rows that come and go, by their labels; for what is read once in many ticks. */
export class LabelledRows {
  readonly #context: CollectContext;
  readonly #specs: readonly SeriesSpec[];
  readonly #rows = new Map<string, SeriesRow>();
  readonly #seen = new Set<string>();

  constructor(context: CollectContext, specs: readonly SeriesSpec[]) {
    this.#context = context;
    this.#specs = specs;
  }

  begin(): void {
    this.#seen.clear();
  }

  of(labels: Readonly<Record<string, string>>): SeriesRow {
    const key = JSON.stringify(labels);
    this.#seen.add(key);
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = new SeriesRow(this.#context.sink, this.#specs, { ...labels, job: JOB_NODE });
      this.#rows.set(key, row);
    }
    return row;
  }

  /** Those that were not asked for since `begin` end. */
  end(): void {
    for (const [key, row] of this.#rows) {
      if (this.#seen.has(key)) continue;
      row.retire();
      this.#rows.delete(key);
    }
  }
}
