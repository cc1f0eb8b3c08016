import { JOB_NODE, SeriesRow, type SeriesSink, type SeriesSpec } from "../collector.ts";

type Labels = Readonly<Record<string, string>>;

/** A series that is always 1 and says what it has to say in its labels. */
export class LabelledFact {
  readonly #sink: SeriesSink;
  readonly #spec: SeriesSpec;
  #row: SeriesRow | null = null;
  #known = "";

  constructor(sink: SeriesSink, spec: SeriesSpec) {
    this.#sink = sink;
    this.#spec = spec;
  }

  /** Other labels than the last are another series. */
  tell(labels: Labels): void {
    const known = JSON.stringify(labels);
    if (this.#row !== null && known === this.#known) return;
    this.retire();
    this.#known = known;
    this.#row = new SeriesRow(this.#sink, [this.#spec], { ...labels, job: JOB_NODE });
  }

  set(): void {
    this.#row?.set(0, 1);
  }

  retire(): void {
    this.#row?.retire();
    this.#row = null;
  }
}
