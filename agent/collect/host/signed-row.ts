import { labelsOf } from "../../../shared/model/labels.ts";
import type { SeriesSink, SeriesSpec } from "../collector.ts";

/** As SeriesRow, for values of which a negative one is as good as any: offsets. */
export class SignedRow {
  readonly #sink: SeriesSink;
  readonly #slots: readonly number[];

  constructor(
    sink: SeriesSink,
    specs: readonly SeriesSpec[],
    labels: Readonly<Record<string, string>>,
  ) {
    this.#sink = sink;
    this.#slots = specs.map((spec) =>
      sink.define(spec.scale, labelsOf({ ...labels, ...spec.labels, __name__: spec.name })),
    );
  }

  /** One value per spec. */
  setAll(values: ArrayLike<number>): void {
    for (let i = 0; i < this.#slots.length; i += 1) {
      this.#sink.set(this.#slots[i] ?? 0, values[i] ?? 0);
    }
  }

  retire(): void {
    for (const slot of this.#slots) this.#sink.retire(slot);
  }
}
