import { strict as assert } from "node:assert";
import { OperationalError } from "../errors.ts";
import type { Labels } from "../model/labels.ts";
import { DOUBLE_SCALE, type SeriesDefinition } from "../model/series-definition.ts";
import { ByteWriter } from "./bytes.ts";
import {
  FLAG_KEYFRAME,
  FRAME_GROUPS_MAX,
  FRAME_VERSION,
  STREAM_SERIES_MAX,
  seqOf,
} from "./frame.ts";

export type EncodedFrame = {
  readonly seq: number;
  readonly timeMs: number;
  readonly isKeyframe: boolean;
  readonly bytes: Uint8Array;
  /** Series that this frame is the first to need, ids ascending. */
  readonly definitions: readonly SeriesDefinition[];
  /** Series defined in this epoch up to here: ids below it. */
  readonly seriesCount: number;
  /** Series that have a sample at this tick. */
  readonly sampleCount: number;
};

/** What stands behind a slot. `id` is its number on the wire in this epoch, -1 before it is named. */
type Slot = {
  group: number;
  scale: number;
  labels: Labels;
  id: number;
  value: number;
  last: number;
  setAtTick: number;
  isAlive: boolean;
  isRetired: boolean;
};

/**
 * Turns ticks into frames (frame.ts). A collector defines its series once and gets a slot for each;
 * every tick it sets the value of each slot that still has one; `encodeTick` makes the frame.
 *
 * Invariants: `#named[group]` holds the slots of the group that have an id in this epoch, ids
 * ascending; `#unnamed` the others; a retired slot is given out again only when it is in neither.
 */
export class FrameEncoder {
  readonly #slots: Slot[] = [];
  readonly #free: number[] = [];
  readonly #named: Slot[][] = [];
  #unnamed: Slot[] = [];
  readonly #writer = new ByteWriter(4096);
  readonly #keyframeEvery: number;
  #epoch: number;
  #frameCount = 0;
  #seriesCount = 0;
  #tick = 1;

  /** @param options.keyframeEvery frames from one keyframe to the next */
  constructor(epoch: number, options: { readonly keyframeEvery: number }) {
    this.#epoch = epoch;
    this.#keyframeEvery = options.keyframeEvery;
  }

  /**
   * A slot for a series, valid until it is retired, over epochs too.
   * @throws OperationalError LIMIT when the stream has all the series it may have
   */
  define(group: number, scale: number, labels: Labels): number {
    assert(group >= 0 && group < FRAME_GROUPS_MAX);
    const slot: Slot = {
      group,
      scale,
      labels,
      id: -1,
      value: 0,
      last: 0,
      setAtTick: 0,
      isAlive: false,
      isRetired: false,
    };
    const index = this.#free.pop() ?? this.#slots.length;
    if (index >= STREAM_SERIES_MAX) {
      throw new OperationalError("LIMIT", `More than ${STREAM_SERIES_MAX} series on this node`);
    }
    this.#slots[index] = slot;
    this.#unnamed.push(slot);
    return index;
  }

  /** The series will not come back; the slot's number may be given out again. */
  retire(slot: number): void {
    const entry = this.#slots[slot];
    assert(entry !== undefined && !entry.isRetired);
    entry.isRetired = true;
    entry.setAtTick = 0;
    this.#free.push(slot);
  }

  /**
   * The slot's value for the tick being built: the integer (value × 10^scale), or for scale -1 the
   * double. NaN in an integer series means that there is no value, as if it had not been set.
   */
  set(slot: number, value: number): void {
    const entry = this.#slots[slot];
    if (entry === undefined || (Number.isNaN(value) && entry.scale !== DOUBLE_SCALE)) return;
    entry.value = value;
    entry.setAtTick = this.#tick;
  }

  /** Starts a new table: the next frame is the first of `epoch` and names every series anew. */
  beginEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#frameCount = 0;
    this.#seriesCount = 0;
    for (const slots of this.#named) {
      for (const slot of slots ?? []) {
        slot.id = -1;
        slot.isAlive = false;
        if (!slot.isRetired) this.#unnamed.push(slot);
      }
    }
    this.#named.length = 0;
  }

  /** Live series with the values of the tick being built or, after `encodeTick`, the last one. */
  *current(): Iterable<{ labels: Labels; scale: number; value: number }> {
    for (const slot of this.#slots) {
      if (!slot.isRetired && slot.isAlive) yield slot;
    }
  }

  /**
   * The frame of a tick at `timeMs` in which the groups of `groups` ticked. A live series of such a
   * group that was not set has ended.
   */
  encodeTick(timeMs: number, groups: readonly number[]): EncodedFrame {
    const isKeyframe = this.#frameCount % this.#keyframeEvery === 0;
    this.#frameCount += 1;
    const seq = seqOf(this.#epoch, this.#frameCount);
    const definitions = this.#nameSeries();
    const writer = this.#writer;
    writer.reset();
    writer.byte(FRAME_VERSION);
    writer.byte(isKeyframe ? FLAG_KEYFRAME : 0);
    writer.varint(seq);
    writer.varint(timeMs);
    writer.varint(this.#seriesCount);
    const written = isKeyframe ? this.#groupsInUse(groups) : [...groups].sort((a, b) => a - b);
    writer.varint(written.length);
    let sampleCount = 0;
    for (const group of written) {
      sampleCount += this.#writeGroup(group, groups.includes(group), isKeyframe);
    }
    this.#tick += 1;
    const bytes = writer.finish();
    const seriesCount = this.#seriesCount;
    return { seq, timeMs, isKeyframe, bytes, definitions, seriesCount, sampleCount };
  }

  /** Gives an id to every series that has its first value. */
  #nameSeries(): SeriesDefinition[] {
    const definitions: SeriesDefinition[] = [];
    if (this.#unnamed.length === 0) return definitions;
    const waiting: Slot[] = [];
    for (const slot of this.#unnamed) {
      if (slot.isRetired) continue;
      if (slot.setAtTick !== this.#tick) {
        waiting.push(slot);
        continue;
      }
      slot.id = this.#seriesCount;
      this.#seriesCount += 1;
      this.#slotsOf(slot.group).push(slot);
      const { id, group, scale, labels } = slot;
      definitions.push({ id, group, scale, labels });
    }
    this.#unnamed = waiting;
    return definitions;
  }

  #slotsOf(group: number): Slot[] {
    const slots = this.#named[group] ?? [];
    this.#named[group] = slots;
    return slots;
  }

  #groupsInUse(ticked: readonly number[]): number[] {
    const groups = new Set(ticked);
    this.#named.forEach((slots, group) => {
      if (slots.some((slot) => slot.isAlive)) groups.add(group);
    });
    return [...groups].sort((a, b) => a - b);
  }

  /** Returns the number of samples the group has at this tick. */
  #writeGroup(group: number, isTicked: boolean, isKeyframe: boolean): number {
    const slots = this.#slotsOf(group);
    const ended: Slot[] = [];
    const changed: Slot[] = [];
    let sampleCount = 0;
    for (const slot of slots) {
      const isSet = slot.setAtTick === this.#tick;
      if (isSet && isTicked) {
        sampleCount += 1;
        if (isKeyframe || !slot.isAlive || !Object.is(slot.value, slot.last)) changed.push(slot);
      } else if (slot.isAlive && isTicked) {
        ended.push(slot);
      } else if (slot.isAlive && isKeyframe) {
        changed.push(slot);
      }
    }
    this.#writer.varint(group * 2 + (isTicked ? 1 : 0));
    this.#writeEnded(ended, isKeyframe);
    this.#writeChanged(changed, isTicked, isKeyframe);
    if (ended.some((slot) => slot.isRetired)) {
      this.#named[group] = slots.filter((slot) => !slot.isRetired || slot.isAlive);
    }
    return sampleCount;
  }

  /** A keyframe need not say what ended: a reader ends what it does not name. */
  #writeEnded(ended: readonly Slot[], isKeyframe: boolean): void {
    this.#writer.varint(isKeyframe ? 0 : ended.length);
    let before = -1;
    for (const slot of ended) {
      slot.isAlive = false;
      slot.last = 0;
      if (isKeyframe) continue;
      this.#writer.varint(slot.id - before - 1);
      before = slot.id;
    }
  }

  #writeChanged(changed: readonly Slot[], isTicked: boolean, isKeyframe: boolean): void {
    this.#writer.varint(changed.length);
    let before = -1;
    for (const slot of changed) {
      const value = isTicked ? slot.value : slot.last;
      this.#writer.varint(slot.id - before - 1);
      before = slot.id;
      if (slot.scale === DOUBLE_SCALE) {
        this.#writer.absolute(value);
      } else {
        this.#writer.value(value, isKeyframe || !slot.isAlive ? 0 : slot.last);
      }
      slot.isAlive = true;
      slot.last = value;
    }
  }
}
