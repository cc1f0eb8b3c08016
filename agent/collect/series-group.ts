import type { Labels } from "../../shared/model/labels.ts";
import type { GroupSink } from "../model/group-sink.ts";
import type { SeriesSink } from "./collector.ts";

/** The series of one group: all of them have the time of the group's reading. */
export class SeriesGroup implements SeriesSink {
  readonly #sink: GroupSink;
  readonly #group: number;

  constructor(sink: GroupSink, group = sink.newGroup()) {
    this.#sink = sink;
    this.#group = group;
  }

  /** What was set since the last reading was read at `timeMs`; a series that was not set ends. */
  read(timeMs: number): void {
    this.#sink.read(this.#group, timeMs);
  }

  /** After the last of its series was retired. */
  close(): void {
    this.#sink.closeGroup(this.#group);
  }

  define(scale: number, labels: Labels): number {
    return this.#sink.define(this.#group, scale, labels);
  }

  retire(slot: number): void {
    this.#sink.retire(slot);
  }

  set(slot: number, value: number): void {
    this.#sink.set(slot, value);
  }

  hold(slot: number, value: number): void {
    this.#sink.hold(slot, value);
  }

  end(slot: number): void {
    this.#sink.end(slot);
  }
}
