import type { Labels } from "../../shared/model/labels.ts";
import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import type { GroupSink } from "../model/group-sink.ts";
import type { Room } from "./room.ts";

type Stamped = {
  readonly group: number;
  readonly slot: number;
  /** Of its last sample, Unix milliseconds. */
  timeMs: number;
};

/** A time of its own is a multiple of this, as every time of a reading is. */
const PRECISION_MS = 50;

/**
 * Series of a target whose samples have times of their own. Each is a group by itself, because a group has
 * one time; one that is left out of a page does not end there, as in Prometheus.
 */
export class StampedSeries {
  readonly #sink: GroupSink;
  readonly #room: Room;
  readonly #series = new Map<number, Stamped>();

  constructor(sink: GroupSink, room: Room) {
    this.#sink = sink;
    this.#room = room;
  }

  /**
   * Returns false where there is no room for the series.
   * @throws OperationalError LIMIT when the agent has all the groups it may have
   */
  set(handle: number, labels: Labels, value: number, stampMs: number): boolean {
    const timeMs = Math.floor(stampMs / PRECISION_MS) * PRECISION_MS;
    const series = this.#series.get(handle) ?? this.#define(handle, labels);
    if (series === null) return false;
    if (timeMs <= series.timeMs) return true; // the same sample, or an older one
    series.timeMs = timeMs;
    this.#sink.set(series.slot, value);
    this.#sink.read(series.group, timeMs);
    return true;
  }

  drop(handle: number): void {
    const series = this.#series.get(handle);
    if (series === undefined) return;
    this.#series.delete(handle);
    this.#room.take(1, 0);
    this.#sink.retire(series.slot);
    this.#sink.closeGroup(series.group);
  }

  close(): void {
    for (const handle of [...this.#series.keys()]) this.drop(handle);
  }

  #define(handle: number, labels: Labels): Stamped | null {
    const { size } = this.#series;
    if (!this.#room.allows(size, size + 1)) return null;
    const group = this.#sink.newGroup();
    const slot = this.#sink.define(group, DOUBLE_SCALE, labels);
    const series = { group, slot, timeMs: Number.NEGATIVE_INFINITY };
    this.#series.set(handle, series);
    this.#room.take(0, 1);
    return series;
  }
}
