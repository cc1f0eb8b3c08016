import type { CommitItem } from "../../../aggregator/model/commit.ts";
import type { SeriesStore } from "../../../aggregator/series/series-store.ts";
import type { SeriesColumns } from "../../../shared/model/columns.ts";
import { type Labels, labelsKey, labelsOf, withLabel } from "../../../shared/model/labels.ts";
import type { SeriesDefinition } from "../../../shared/model/series-definition.ts";
import { columnBits, isStale } from "../../../shared/model/stale.ts";
import { type EncodedFrame, FrameEncoder } from "../../../shared/wire/frame-encoder.ts";
import { takenColumns } from "../../support/taken-columns.ts";

/** What a store should give: by series and time the value, or "stale". */
export type Expected = Map<string, Map<number, number | "stale">>;

export type TickValue = {
  readonly labels: Labels;
  readonly group: number;
  readonly scale: number;
  readonly raw: number;
};

const GROUPS = 3;

/** All groups but the first are read a little before the tick that brings them. */
function readAtMs(timeMs: number, group: number): number {
  return timeMs - group;
}

/** An agent and, beside it, what its frames should have made at the aggregator. */
export class ModelAgent {
  readonly node: string;
  readonly streamId: string;
  epoch = 1;
  encoder: FrameEncoder;
  readonly keyframeEvery: number;
  readonly #definitions = new Map<number, SeriesDefinition[]>();
  readonly #keys = new Map<Labels, string>();
  #slots = new Map<string, { slot: number; group: number }>();
  /** Series that the encoder has alive: key to value and group. */
  #living = new Map<string, TickValue>();
  /** Series that the aggregator should have alive. */
  #known = new Map<string, TickValue>();
  #knownEpoch = 0;

  constructor(node: string, keyframeEvery = 5) {
    this.node = node;
    this.streamId = `stream-of-${node}`;
    this.keyframeEvery = keyframeEvery;
    this.encoder = this.#newEncoder();
  }

  restart(): void {
    this.epoch += 1;
    this.encoder = this.#newEncoder();
    this.#slots = new Map();
    this.#living = new Map();
  }

  /** One tick; what of a ticked group is not in `values` ends. */
  tick(timeMs: number, groups: readonly number[], values: readonly TickValue[]): ModelFrame {
    for (const [key, living] of this.#living) {
      if (groups.includes(living.group)) this.#living.delete(key);
    }
    for (const value of values) {
      const key = labelsKey(value.labels);
      let entry = this.#slots.get(key);
      if (entry === undefined) {
        const slot = this.encoder.define(value.group + 1, value.scale, value.labels);
        entry = { slot, group: value.group };
        this.#slots.set(key, entry);
      }
      this.encoder.set(entry.slot, value.raw);
      this.#living.set(key, value);
    }
    for (const group of groups) this.encoder.read(group + 1, readAtMs(timeMs, group));
    const frame = this.encoder.encodeTick(timeMs);
    const definitions = this.#definitions.get(this.epoch) ?? [];
    this.#definitions.set(this.epoch, [...definitions, ...frame.definitions]);
    return { frame, epoch: this.epoch, groups, living: new Map(this.#living) };
  }

  /** What an uplink sends for a frame: definitions from `fromId` on, as far as it needs, and itself. */
  items({ frame, epoch }: ModelFrame, fromId = 0): CommitItem[] {
    const { node, streamId } = this;
    const items: CommitItem[] = [];
    const series = (this.#definitions.get(epoch) ?? []).slice(fromId, frame.seriesCount);
    if (series.length > 0) items.push({ kind: "series", node, streamId, epoch, series });
    items.push({ kind: "frame", node, streamId, bytes: frame.bytes });
    return items;
  }

  /** The frame was stored: its samples are expected from now on. */
  expect(expected: Expected, { frame, epoch, groups, living }: ModelFrame): void {
    for (const [key, { labels, group }] of this.#known) {
      if (living.has(key)) continue;
      // With the reading that lacks it; what no reading of this epoch tells, with the frame.
      const isOfReading = groups.includes(group) && epoch === this.#knownEpoch;
      const endMs = isOfReading ? readAtMs(frame.timeMs, group) : frame.timeMs;
      this.#put(expected, labels, endMs, "stale");
    }
    for (const value of living.values()) {
      if (!groups.includes(value.group)) continue;
      const scaled = value.scale > 0 ? value.raw / 10 ** value.scale : value.raw;
      this.#put(expected, value.labels, readAtMs(frame.timeMs, value.group), scaled);
    }
    this.#known = new Map(living);
    this.#knownEpoch = epoch;
  }

  /** Group 0 of a frame is left empty: it cannot be left out. */
  #newEncoder(): FrameEncoder {
    const encoder = new FrameEncoder(this.epoch, { keyframeEvery: this.keyframeEvery });
    for (let group = 0; group < GROUPS; group += 1) encoder.newGroup();
    return encoder;
  }

  #put(expected: Expected, labels: Labels, timeMs: number, value: number | "stale"): void {
    let key = this.#keys.get(labels);
    if (key === undefined) {
      key = labelsKey(withLabel(labels, "instance", this.node));
      this.#keys.set(labels, key);
    }
    const samples = expected.get(key) ?? new Map<number, number | "stale">();
    samples.set(timeMs, value);
    expected.set(key, samples);
  }
}

export type ModelFrame = {
  readonly frame: EncodedFrame;
  readonly epoch: number;
  readonly groups: readonly number[];
  readonly living: ReadonlyMap<string, TickValue>;
};

export function counter(name: string, group: number, raw: number, scale = 0): TickValue {
  return { labels: labelsOf({ __name__: name, job: "node" }), group, scale, raw };
}

/** Columns as a map, and proof that times ascend. */
export function asMap(result: readonly SeriesColumns[]): Expected {
  const map: Expected = new Map();
  for (const { labels, times, values } of result) {
    const samples = new Map<number, number | "stale">();
    const bits = columnBits(values);
    let before = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < times.length; i += 1) {
      const time = times[i] ?? 0;
      if (time <= before) throw new Error(`time ${time} after ${before} of ${labels.join()}`);
      before = time;
      samples.set(time, isStale(bits, i) ? "stale" : (values[i] ?? 0));
    }
    map.set(labelsKey(labels), samples);
  }
  return map;
}

/** What is expected in startMs < time <= endMs; series without samples there left out. */
export function between(expected: Expected, startMs: number, endMs: number): Expected {
  const map: Expected = new Map();
  for (const [key, samples] of expected) {
    const inside = [...samples].filter(([time]) => time > startMs && time <= endMs);
    inside.sort(([a], [b]) => a - b);
    if (inside.length > 0) map.set(key, new Map(inside));
  }
  return map;
}

/**
 * Without markers that follow no value: a series that ended before any of its samples was stored
 * may have one or none.
 */
export function withoutLoneMarkers(samples: Expected): Expected {
  const map: Expected = new Map();
  for (const [key, all] of samples) {
    let before: number | "stale" = "stale";
    const kept = [...all].filter(([, value]) => {
      const isLone = value === "stale" && before === "stale";
      before = value;
      return !isLone;
    });
    if (kept.length > 0) map.set(key, new Map(kept));
  }
  return map;
}

export async function everything(store: SeriesStore): Promise<Expected> {
  return asMap(await takenColumns(await store.select([], -1, Number.MAX_SAFE_INTEGER)));
}
