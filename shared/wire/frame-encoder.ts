import { strict as assert } from "node:assert";
import { OperationalError } from "../errors.ts";
import type { Labels } from "../model/labels.ts";
import { seqOf } from "../model/sequence.ts";
import { DOUBLE_SCALE, type SeriesDefinition } from "../model/series-definition.ts";
import { grown } from "./bytes.ts";
import { FRAME_GROUPS_MAX, type FrameHeader, STREAM_SERIES_MAX, TICK_GROUP } from "./frame.ts";
import { FrameOutput } from "./frame-output.ts";

export type EncodedFrame = FrameHeader & {
  readonly bytes: Uint8Array;
  /** Series that this frame is the first to need, ids ascending. */
  readonly definitions: readonly SeriesDefinition[];
  /** Samples of all readings of this tick. */
  readonly sampleCount: number;
  /** Series that have not ended, of all groups. */
  readonly livingCount: number;
};

const GROWTH_FIRST = 1024;

type Group = {
  /** When it was read last. */
  readAtMs: number;
  /** The last tick with a reading of it. */
  readInTick: number;
  /** Whether a slot was retired since its list was last cleared of them. */
  hasRetired: boolean;
  /** Whether it is in `#touched`. */
  isTouched: boolean;
};

/**
 * Turns ticks into frames (frame.ts). A collector defines its series once and gets a slot for each;
 * at every reading it sets the value of each slot that still has one, and says when its group was
 * read (`read`; group 0 is read in every tick); `encodeTick` makes the frame.
 *
 * What stands behind a slot lies in columns, because all of them are looked at in every tick.
 * Invariants: `#named[group]` holds the slots of the group that have an id in this epoch, ids
 * ascending; `#unnamed` the others; a retired slot is given out again only when it is in neither.
 */
export class FrameEncoder {
  #labels: Labels[] = [];
  #group = new Uint16Array(GROWTH_FIRST);
  #scale = new Int8Array(GROWTH_FIRST);
  /** The series' number on the wire in this epoch, -1 before it is named. */
  #id = new Int32Array(GROWTH_FIRST);
  #value = new Float64Array(GROWTH_FIRST);
  /** As the reader has it. */
  #last = new Float64Array(GROWTH_FIRST);
  #setAtTick = new Int32Array(GROWTH_FIRST);
  /** The value stands in every tick until it is set again or ended. */
  #isHeld = new Uint8Array(GROWTH_FIRST);
  #isAlive = new Uint8Array(GROWTH_FIRST);
  #isRetired = new Uint8Array(GROWTH_FIRST);
  readonly #free: number[] = [];
  readonly #groups: Group[] = [];
  readonly #freeGroups: number[] = [];
  /** Groups that were read since the last frame, or had a slot retired. */
  #touched: number[] = [];
  readonly #named: number[][] = [];
  #unnamed: number[] = [];
  /** Of the group that is written; kept for their memory. */
  #ended = new Int32Array(GROWTH_FIRST);
  #changed = new Int32Array(GROWTH_FIRST);
  readonly #output = new FrameOutput();
  readonly #keyframeEvery: number;
  #epoch: number;
  #frameCount = 0;
  #seriesCount = 0;
  #livingCount = 0;
  #tick = 1;

  /** @param options.keyframeEvery frames from one keyframe to the next */
  constructor(epoch: number, options: { readonly keyframeEvery: number }) {
    this.#epoch = epoch;
    this.#keyframeEvery = options.keyframeEvery;
    this.newGroup();
  }

  /**
   * A group for series that are read together, but not in every tick.
   * @throws OperationalError LIMIT when there are as many as there may be
   */
  newGroup(): number {
    const free = this.#freeGroups.pop();
    if (free !== undefined) return free;
    if (this.#groups.length >= FRAME_GROUPS_MAX) {
      throw new OperationalError("LIMIT", `More than ${FRAME_GROUPS_MAX} groups of series`);
    }
    const group = { readAtMs: 0, readInTick: 0, hasRetired: false, isTouched: false };
    return this.#groups.push(group) - 1;
  }

  /** All series of the group are retired; its number may be given out again. */
  closeGroup(group: number): void {
    this.#freeGroups.push(group);
  }

  /**
   * A slot for a series, valid until it is retired, over epochs too.
   * @throws OperationalError LIMIT when the stream has all the series it may have
   */
  define(group: number, scale: number, labels: Labels): number {
    assert(this.#groups[group] !== undefined);
    const slot = this.#free.pop() ?? this.#labels.length;
    if (slot >= STREAM_SERIES_MAX) {
      throw new OperationalError("LIMIT", `More than ${STREAM_SERIES_MAX} series on this node`);
    }
    if (slot >= this.#id.length) this.#grow();
    this.#labels[slot] = labels;
    this.#group[slot] = group;
    this.#scale[slot] = scale;
    this.#id[slot] = -1;
    this.#value[slot] = 0;
    this.#last[slot] = 0;
    this.#setAtTick[slot] = 0;
    this.#isHeld[slot] = 0;
    this.#isAlive[slot] = 0;
    this.#isRetired[slot] = 0;
    this.#unnamed.push(slot);
    return slot;
  }

  /** The series will not come back; the slot's number may be given out again. */
  retire(slot: number): void {
    assert(slot < this.#labels.length && this.#isRetired[slot] === 0);
    this.#isRetired[slot] = 1;
    this.end(slot);
    const group = this.#group[slot] ?? 0;
    this.#entryOf(group).hasRetired = true;
    this.#touch(group);
  }

  /**
   * The group was read at `timeMs`, no later than the tick being built and after its last reading:
   * those of its series that have no value now end with it.
   */
  read(group: number, timeMs: number): void {
    const entry = this.#entryOf(group);
    entry.readAtMs = timeMs;
    entry.readInTick = this.#tick;
    this.#touch(group);
  }

  /**
   * The slot's value for the reading in the tick being built: the integer (value × 10^scale), or for
   * scale -1 the double. NaN in an integer series means that there is no value, as if it had not been
   * set.
   */
  set(slot: number, value: number): void {
    if (Number.isNaN(value) && this.#scale[slot] !== DOUBLE_SCALE) return;
    this.#value[slot] = value;
    this.#setAtTick[slot] = this.#tick;
  }

  /** As `set`, for this reading and all that follow, until `end`. For series that seldom change. */
  hold(slot: number, value: number): void {
    this.#value[slot] = value;
    this.#isHeld[slot] = 1;
  }

  /** The series has no value any more, until it is set or held again. */
  end(slot: number): void {
    this.#isHeld[slot] = 0;
    this.#setAtTick[slot] = 0;
  }

  /**
   * Starts a new table: the next frame is the first of `epoch` and names every series anew, those of
   * groups that are not read with it too.
   */
  beginEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#frameCount = 0;
    this.#seriesCount = 0;
    for (const slots of this.#named) {
      for (const slot of slots ?? []) {
        this.#id[slot] = -1;
        this.#unnamed.push(slot);
      }
    }
    this.#named.length = 0;
  }

  /** Live series with the values of the tick being built or, after `encodeTick`, the last one. */
  *current(): Iterable<{ labels: Labels; scale: number; value: number }> {
    for (const [slot, labels] of this.#labels.entries()) {
      if (this.#isRetired[slot] === 1 || this.#isAlive[slot] === 0) continue;
      yield { labels, scale: this.#scale[slot] ?? 0, value: this.#value[slot] ?? 0 };
    }
  }

  /** The frame of a tick at `timeMs`, with what was read for it. */
  encodeTick(timeMs: number): EncodedFrame {
    this.read(TICK_GROUP, timeMs);
    const isKeyframe = this.#frameCount % this.#keyframeEvery === 0;
    this.#frameCount += 1;
    const seq = seqOf(this.#epoch, this.#frameCount);
    const definitions = this.#nameSeries();
    const written = this.#writtenGroups(isKeyframe);
    const seriesCount = this.#seriesCount;
    this.#output.begin({ seq, timeMs, isKeyframe, seriesCount, groupCount: written.length });
    let sampleCount = 0;
    for (const group of written) sampleCount += this.#writeGroup(group, timeMs, isKeyframe);
    this.#tick += 1;
    const bytes = this.#output.finish();
    const livingCount = this.#livingCount;
    return { seq, timeMs, isKeyframe, bytes, definitions, seriesCount, sampleCount, livingCount };
  }

  #grow(): void {
    const size = this.#id.length * 2;
    this.#group = grown(this.#group, new Uint16Array(size));
    this.#scale = grown(this.#scale, new Int8Array(size));
    this.#id = grown(this.#id, new Int32Array(size));
    this.#value = grown(this.#value, new Float64Array(size));
    this.#last = grown(this.#last, new Float64Array(size));
    this.#setAtTick = grown(this.#setAtTick, new Int32Array(size));
    this.#isHeld = grown(this.#isHeld, new Uint8Array(size));
    this.#isAlive = grown(this.#isAlive, new Uint8Array(size));
    this.#isRetired = grown(this.#isRetired, new Uint8Array(size));
    this.#ended = new Int32Array(size);
    this.#changed = new Int32Array(size);
  }

  /** Gives an id to every series that has its first value. */
  #nameSeries(): SeriesDefinition[] {
    const definitions: SeriesDefinition[] = [];
    if (this.#unnamed.length === 0) return definitions;
    const waiting: number[] = [];
    for (const slot of this.#unnamed) {
      if (this.#isToBeNamed(slot)) {
        definitions.push(this.#nameOne(slot));
        continue;
      }
      this.#endAlive(slot); // it has no id: no reader of this epoch has to hear of it
      if (this.#isRetired[slot] === 1) this.#free.push(slot);
      else waiting.push(slot);
    }
    this.#unnamed = waiting;
    return definitions;
  }

  /** It got a value, or an earlier epoch gave it one and its group was not read since. */
  #isToBeNamed(slot: number): boolean {
    if (this.#isRetired[slot] === 1) return false;
    const { readInTick } = this.#entryOf(this.#group[slot] ?? 0);
    if (readInTick !== this.#tick) return this.#isAlive[slot] === 1;
    return this.#setAtTick[slot] === this.#tick || this.#isHeld[slot] === 1;
  }

  #endAlive(slot: number): void {
    this.#livingCount -= this.#isAlive[slot] ?? 0;
    this.#isAlive[slot] = 0;
    this.#last[slot] = 0;
  }

  #entryOf(group: number): Group {
    const entry = this.#groups[group];
    assert(entry !== undefined);
    return entry;
  }

  #touch(group: number): void {
    const entry = this.#entryOf(group);
    if (entry.isTouched) return;
    entry.isTouched = true;
    this.#touched.push(group);
  }

  #nameOne(slot: number): SeriesDefinition {
    const id = this.#seriesCount;
    this.#seriesCount += 1;
    this.#id[slot] = id;
    const group = this.#group[slot] ?? 0;
    this.#slotsOf(group).push(slot);
    return { id, group, scale: this.#scale[slot] ?? 0, labels: this.#labels[slot] ?? [] };
  }

  #slotsOf(group: number): number[] {
    const slots = this.#named[group] ?? [];
    this.#named[group] = slots;
    return slots;
  }

  /** Those of which there is something to say, ascending. */
  #writtenGroups(isKeyframe: boolean): number[] {
    const candidates = isKeyframe
      ? [...this.#groups.keys()].filter((group) => this.#isTouchedOrLiving(group))
      : this.#touched.sort((a, b) => a - b);
    for (const group of this.#touched) this.#entryOf(group).isTouched = false;
    this.#touched = [];
    return candidates.filter((group) => group === TICK_GROUP || this.#slotsOf(group).length > 0);
  }

  #isTouchedOrLiving(group: number): boolean {
    const isTouched = this.#entryOf(group).isTouched;
    return isTouched || this.#slotsOf(group).some((slot) => this.#isAlive[slot] === 1);
  }

  /** Returns the number of samples the group has at this tick. */
  #writeGroup(group: number, timeMs: number, isKeyframe: boolean): number {
    const slots = this.#slotsOf(group);
    const entry = this.#entryOf(group);
    const isRead = entry.readInTick === this.#tick;
    const tick = this.#tick;
    const setAtTick = this.#setAtTick;
    const isHeld = this.#isHeld;
    const isAlive = this.#isAlive;
    const values = this.#value;
    const lasts = this.#last;
    let endedCount = 0;
    let changedCount = 0;
    let sampleCount = 0;
    for (let i = 0; i < slots.length; i += 1) {
      const slot = slots[i] ?? 0;
      const isSet = setAtTick[slot] === tick || isHeld[slot] === 1;
      if (isSet && isRead) {
        sampleCount += 1;
        if (!isKeyframe && isAlive[slot] === 1 && isSame(values[slot], lasts[slot])) continue;
        this.#changed[changedCount] = slot;
        changedCount += 1;
      } else if (isAlive[slot] === 1 && (isRead || this.#isRetired[slot] === 1)) {
        this.#ended[endedCount] = slot;
        endedCount += 1;
      } else if (isAlive[slot] === 1 && isKeyframe) {
        this.#changed[changedCount] = slot;
        changedCount += 1;
      }
    }
    const ageMs = Math.max(0, timeMs - entry.readAtMs); // a clock that was set back: 0
    const toldEnded = isKeyframe ? 0 : endedCount; // a reader ends what a keyframe does not name
    this.#output.group({ group, isRead, ageMs, endedCount: toldEnded, changedCount });
    this.#writeEnded(endedCount, isKeyframe);
    this.#writeChanged(changedCount, isRead, isKeyframe);
    if (entry.hasRetired) {
      this.#named[group] = this.#withoutRetired(slots);
      entry.hasRetired = false;
    }
    return sampleCount;
  }

  /** Those that are not alive any more are free again. */
  #withoutRetired(slots: readonly number[]): number[] {
    const kept: number[] = [];
    for (const slot of slots) {
      if (this.#isRetired[slot] === 1 && this.#isAlive[slot] === 0) this.#free.push(slot);
      else kept.push(slot);
    }
    return kept;
  }

  #writeEnded(count: number, isKeyframe: boolean): void {
    for (let i = 0; i < count; i += 1) {
      const slot = this.#ended[i] ?? 0;
      this.#endAlive(slot);
      if (!isKeyframe) this.#output.ended(this.#id[slot] ?? 0);
    }
  }

  #writeChanged(count: number, isRead: boolean, isKeyframe: boolean): void {
    const output = this.#output;
    output.beginChanged();
    for (let i = 0; i < count; i += 1) {
      const slot = this.#changed[i] ?? 0;
      const last = this.#last[slot] ?? 0;
      const value = isRead ? (this.#value[slot] ?? 0) : last;
      const id = this.#id[slot] ?? 0;
      if (this.#scale[slot] === DOUBLE_SCALE) output.changedDouble(id, value);
      else output.changed(id, value, isKeyframe || this.#isAlive[slot] === 0 ? 0 : last);
      this.#livingCount += 1 - (this.#isAlive[slot] ?? 0);
      this.#isAlive[slot] = 1;
      this.#last[slot] = value;
    }
  }
}

function isSame(a: number | undefined, b: number | undefined): boolean {
  // 0 and -0 are not the same; NaN and NaN are.
  return a === b ? a !== 0 || Object.is(a, b) : Object.is(a, b);
}
