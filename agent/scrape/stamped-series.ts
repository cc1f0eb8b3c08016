import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import type { GroupSink } from "../model/group-sink.ts";
import type { Room } from "./room.ts";

type Stamped = {
  readonly group: number;
  readonly slot: number;
  /** Of its last sample, Unix milliseconds. */
  timeMs: number;
};

type Quiet = { readonly series: Stamped; readonly untilMs: number };

/** A time of its own is a multiple of this, as every time of a reading is. */
const PRECISION_MS = 50;
/** So far back a query looks for a sample: after that it makes no difference whether the series has ended. */
const QUIET_MS = 300_000;
const QUIET_MAX = 10_000;

/**
 * Series of a target whose samples have times of their own. Each is a group by itself, because a group has
 * one time. As in Prometheus, one that is left out of a page or whose target fails ends with it only where
 * the job says `track_timestamps_staleness`; else it is just not heard of any more.
 */
export class StampedSeries {
  readonly #sink: GroupSink;
  readonly #room: Room;
  readonly #isTracked: boolean;
  /** Of the room: groups, also of what is silent. */
  #held = 0;
  readonly #series = new Map<number, Stamped>();
  /** By labels: those that were left out. The longest silent is the first. */
  readonly #quiet = new Map<string, Quiet>();

  constructor(sink: GroupSink, room: Room, isTracked: boolean) {
    this.#sink = sink;
    this.#room = room;
    this.#isTracked = isTracked;
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

  /** The page that was read at `timeMs` has it no more. */
  leave(handle: number, labels: Labels, timeMs: number): void {
    const series = this.#series.get(handle);
    if (series === undefined) return;
    this.#series.delete(handle);
    if (this.#isTracked) this.#retire(series);
    else this.#quiet.set(labelsKey(labels), { series, untilMs: timeMs + QUIET_MS });
  }

  /** The scrape of that time failed. */
  miss(timeMs: number): void {
    if (!this.#isTracked) return;
    for (const series of this.#series.values()) {
      if (series.timeMs >= timeMs) continue;
      series.timeMs = timeMs;
      this.#sink.read(series.group, timeMs); // not set, so it ends
    }
  }

  /** Gives back what has long been silent. */
  expire(timeMs: number): void {
    for (const [key, { series, untilMs }] of this.#quiet) {
      if (untilMs > timeMs && this.#quiet.size <= QUIET_MAX) return;
      this.#quiet.delete(key);
      this.#retire(series);
    }
  }

  /** The series goes on with the times of its target. */
  drop(handle: number, labels: Labels): void {
    const series = this.#series.get(handle) ?? this.#unquiet(labels);
    this.#series.delete(handle);
    if (series !== null) this.#retire(series);
  }

  close(): void {
    for (const series of this.#series.values()) this.#retire(series);
    for (const { series } of this.#quiet.values()) this.#retire(series);
    this.#series.clear();
    this.#quiet.clear();
  }

  #define(handle: number, labels: Labels): Stamped | null {
    const series = this.#unquiet(labels) ?? this.#newSeries(labels);
    if (series !== null) this.#series.set(handle, series);
    return series;
  }

  #unquiet(labels: Labels): Stamped | null {
    if (this.#quiet.size === 0) return null;
    const key = labelsKey(labels);
    const series = this.#quiet.get(key)?.series ?? null;
    this.#quiet.delete(key);
    return series;
  }

  #newSeries(labels: Labels): Stamped | null {
    if (!this.#room.allows(this.#held, this.#held + 1)) return null;
    const group = this.#sink.newGroup();
    const slot = this.#sink.define(group, DOUBLE_SCALE, labels);
    this.#room.take(0, 1);
    this.#held += 1;
    return { group, slot, timeMs: Number.NEGATIVE_INFINITY };
  }

  #retire({ group, slot }: Stamped): void {
    this.#room.take(1, 0);
    this.#held -= 1;
    this.#sink.retire(slot);
    this.#sink.closeGroup(group);
  }
}
