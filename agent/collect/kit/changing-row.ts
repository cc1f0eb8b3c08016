import { SeriesRow, type SeriesSink, type SeriesSpec } from "../collector.ts";

/** A row whose labels may change: then its series end, and others begin. */
export class ChangingRow {
  row: SeriesRow | null = null;
  readonly #sink: SeriesSink;
  readonly #specs: readonly SeriesSpec[];
  #key = "";

  constructor(sink: SeriesSink, specs: readonly SeriesSpec[]) {
    this.#sink = sink;
    this.#specs = specs;
  }

  /** Null: there are no series. */
  label(labels: Readonly<Record<string, string>> | null): void {
    const key = labels === null ? "" : JSON.stringify(labels);
    if (key === this.#key) return;
    this.#key = key;
    this.row?.retire();
    this.row = labels === null ? null : new SeriesRow(this.#sink, this.#specs, labels);
  }
}
