import type { Labels } from "../../shared/model/labels.ts";
import type { SeriesSink } from "./collector.ts";

/** Knows which series are one collector's, so that they can stand when it does not run. */
export class OwnedSink implements SeriesSink {
  readonly #sink: SeriesSink;
  readonly #slots = new Set<number>();

  constructor(sink: SeriesSink) {
    this.#sink = sink;
  }

  define(group: number, scale: number, labels: Labels): number {
    const slot = this.#sink.define(group, scale, labels);
    this.#slots.add(slot);
    return slot;
  }

  retire(slot: number): void {
    this.#slots.delete(slot);
    this.#sink.retire(slot);
  }

  set(slot: number, value: number): void {
    this.#sink.set(slot, value);
  }

  keep(slot: number): void {
    this.#sink.keep(slot);
  }

  hold(slot: number, value: number): void {
    this.#sink.hold(slot, value);
  }

  end(slot: number): void {
    this.#sink.end(slot);
  }

  keepAll(): void {
    for (const slot of this.#slots) this.#sink.keep(slot);
  }
}
