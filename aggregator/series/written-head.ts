import { strict as assert } from "node:assert";
import { OperationalError } from "../../shared/errors.ts";
import { formatLabels, type Labels } from "../../shared/model/labels.ts";
import { columnBits } from "../../shared/model/stale.ts";
import type { WriteOutcome, WriteRefusal, WriteRequest } from "../model/write-request.ts";
import type { Piece } from "./chunk-decoder.ts";
import { grownCopy } from "./group-rows.ts";
import type { Series, SeriesIndex } from "./series-index.ts";
import { WrittenSegment } from "./written-segment.ts";

const SLOTS_FIRST = 256;
const DETAIL_LENGTH_MAX = 300;

/** What a request is decided by. Times are inclusive. */
export type WriteLimits = {
  readonly timeMinMs: number;
  readonly timeMaxMs: number;
  readonly seriesMax: number;
  /** The number of a series, known or new. */
  readonly refOf: (labels: Labels, firstMs: number) => number;
};

/**
 * Recent samples of series that are written to the aggregator by others (remote write), where each
 * sample has a time of its own. A series has a slot here while it is written to.
 *
 * A request is staged, logged, and then published, or discarded when the log could not be written.
 * From time to time the open segment is sealed and becomes chunks (written-cutter.ts); a series
 * without a sample in a whole segment gives its slot back.
 *
 * Invariant: the samples of a series ascend in time over chunks, sealed and open segment.
 */
export class WrittenHead {
  readonly #index: SeriesIndex;
  open: WrittenSegment;
  /** Being cut. */
  sealed: WrittenSegment | null = null;
  /** Requests that were logged into the open segment. */
  logged = 0;
  /** Slots ever in use at once: their numbers are below it. */
  slotCount = 0;
  #refs = new Uint32Array(SLOTS_FIRST);
  /** By slot: time of the last sample that is not in the open segment. */
  #baseTimes = new Float64Array(SLOTS_FIRST);
  #free: number[] = [];
  readonly #slotOfKey = new Map<string, number>();
  /** Of each entry that is staged. */
  #stagedSlots: number[] = [];
  readonly #stagedKeys: string[] = [];
  /** Slots of series that the index may not have yet, by ref. */
  readonly #stagedRefs = new Map<number, number>();

  constructor(index: SeriesIndex, openedAtMs: number) {
    this.#index = index;
    this.open = new WrittenSegment(1, openedAtMs);
  }

  /** Series that are written to. */
  get seriesCount(): number {
    return this.slotCount - this.#free.length;
  }

  refOf(slot: number): number {
    return this.#refs[slot] ?? 0;
  }

  baseTimeOf(slot: number): number {
    return this.#baseTimes[slot] ?? 0;
  }

  /** Decides on each sample and stages those that can be taken. */
  stage(request: WriteRequest, limits: WriteLimits): WriteOutcome {
    const count = new StageCount(request);
    const bits = columnBits(request.values);
    const { keys, starts } = request;
    for (let i = 0; i < keys.length; i += 1) {
      const span = { from: starts[i] ?? 0, end: starts[i + 1] ?? 0 };
      this.#stageSeries(keys[i] ?? "", span, { request, bits, limits, count });
    }
    return count.outcome();
  }

  #stageSeries(
    key: string,
    { from, end }: { readonly from: number; readonly end: number },
    { request, bits, limits, count }: Staging,
  ): void {
    let slot = this.#slotOfKey.get(key) ?? -1;
    for (let at = from; at < end; at += 1) {
      const time = request.times[at] ?? 0;
      const isOld = time < limits.timeMinMs;
      if (isOld || time > limits.timeMaxMs) {
        count.refuse(isOld ? "old" : "future", key, time);
        continue;
      }
      if (slot < 0) {
        const opened = this.#openSlot(key, time, request, limits);
        if (typeof opened !== "number") {
          count.refuseSeries(opened, key, end - at);
          return;
        }
        slot = opened;
      }
      const refusal = this.#stageSample(slot, time, bits, at * 2);
      if (refusal === "taken") count.samples += 1;
      else if (refusal === "repeated") count.repeated += 1;
      else count.refuse(refusal, key, time);
    }
  }

  #stageSample(slot: number, time: number, bits: Uint32Array, word: number): WriteVerdict {
    const low = bits[word] ?? 0;
    const high = bits[word + 1] ?? 0;
    if (time <= this.#lastTimeOf(slot)) return this.#verdict(slot, time, low, high);
    this.open.add(slot, time, low, high);
    this.#stagedSlots.push(slot);
    return "taken";
  }

  /** Slots of the samples that are staged, from the `from`th on. */
  stagedSince(from: number): readonly number[] {
    return from === 0 ? this.#stagedSlots : this.#stagedSlots.slice(from);
  }

  get stagedCount(): number {
    return this.#stagedSlots.length;
  }

  /** Once they are on the disk, and the index has their series. */
  publish(): void {
    for (const [ref, slot] of this.#stagedRefs) this.#attach(ref, slot);
    this.open.publish();
    this.#forgetStaged();
  }

  /** Takes back all that is staged. */
  discard(): void {
    this.open.discard(this.#stagedSlots);
    for (const key of this.#stagedKeys) this.#slotOfKey.delete(key);
    for (const slot of this.#stagedRefs.values()) this.#freeSlot(slot);
    this.#forgetStaged();
  }

  /** A sample that was logged before; of a series that the index has. */
  replay(ref: number, timeMs: number, low: number, high: number): void {
    const series = this.#index.get(ref);
    if (series === undefined) return;
    const slot = series.written >= 0 ? series.written : this.#newSlot(ref, series.lastMs);
    this.#attach(ref, slot);
    if (timeMs <= this.#lastTimeOf(slot)) return;
    series.firstMs = Math.min(series.firstMs, timeMs);
    this.open.add(slot, timeMs, low, high);
    this.open.publish();
  }

  /** After a start: numbers of segments below it are taken. */
  goOnFrom(number: number): void {
    this.open.number = Math.max(this.open.number, number);
  }

  /** A series that was written to, the last time at `lastMs`, when the log was cut. */
  restore(ref: number, lastMs: number): void {
    if (this.#index.get(ref) === undefined) return;
    this.#attach(ref, this.#newSlot(ref, lastMs));
  }

  /** Recent samples with startMs < time <= endMs, each with the number of its segment. */
  *read(slot: number, startMs: number, endMs: number): Iterable<Piece & { segment: number }> {
    for (const segment of [this.sealed, this.open]) {
      if (segment === null) continue;
      yield { ...segment.read(slot, startMs, endMs), segment: segment.number };
    }
  }

  /** What comes from now on goes into another segment. */
  seal(nowMs: number): WrittenSegment {
    assert(this.sealed === null, "one segment is cut at a time");
    assert(this.#stagedSlots.length === 0, "nothing is staged between two commits");
    const sealed = this.open;
    for (let slot = 0; slot < this.slotCount; slot += 1) {
      this.#baseTimes[slot] = sealed.lastTimeOf(slot) ?? this.#baseTimes[slot] ?? 0;
    }
    this.sealed = sealed;
    this.open = new WrittenSegment(sealed.number + 1, nowMs);
    this.logged = 0;
    return sealed;
  }

  /** The sealed segment is in chunks. `idle` slots are given back if nothing came in the meantime. */
  dropSealed(idle: readonly number[]): void {
    this.sealed = null;
    const gone = new Set(idle.filter((slot) => !this.open.has(slot)));
    if (gone.size === 0) return;
    for (const slot of gone) {
      const series = this.#index.get(this.refOf(slot));
      if (series !== undefined) {
        series.written = -1;
        series.lastMs = Math.max(series.lastMs, this.baseTimeOf(slot));
      }
      this.#freeSlot(slot);
    }
    for (const [key, slot] of this.#slotOfKey) if (gone.has(slot)) this.#slotOfKey.delete(key);
  }

  /** Slots in use, by the refs of their series. */
  slotsByRef(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < this.slotCount; slot += 1)
      if (this.refOf(slot) !== 0) slots.push(slot);
    return slots.sort((a, b) => this.refOf(a) - this.refOf(b));
  }

  #lastTimeOf(slot: number): number {
    return this.open.lastTimeOf(slot) ?? this.#baseTimes[slot] ?? 0;
  }

  /** Of a sample that is not after the last one. */
  #verdict(slot: number, time: number, low: number, high: number): WriteVerdict {
    const found =
      this.open.compare(slot, time, low, high) ??
      this.sealed?.compare(slot, time, low, high) ??
      null;
    if (found !== null) return found === "same" ? "repeated" : "duplicate";
    // What is in chunks is not compared; a sender that heard no answer says the last one again.
    return time === this.#baseTimes[slot] ? "repeated" : "out_of_order";
  }

  /** A reason where the series cannot be taken. */
  #openSlot(
    key: string,
    firstMs: number,
    { labelsOf }: WriteRequest,
    { refOf, seriesMax }: WriteLimits,
  ): number | OperationalError {
    let labels: Labels;
    try {
      labels = labelsOf(key);
    } catch (error) {
      if (error instanceof OperationalError) return error;
      throw error;
    }
    const known = this.#index.find(labels);
    const isFull = this.seriesCount >= seriesMax;
    if (isFull && (known === undefined || known.written < 0)) {
      return new OperationalError("LIMIT", `${seriesMax} series are written to already`);
    }
    const slot =
      known === undefined ? this.#slotOfNew(refOf(labels, firstMs)) : this.#slotOf(known);
    if (known !== undefined) known.firstMs = Math.min(known.firstMs, firstMs);
    this.#slotOfKey.set(key, slot);
    this.#stagedKeys.push(key);
    return slot;
  }

  #slotOfNew(ref: number): number {
    const slot = this.#stagedRefs.get(ref) ?? this.#newSlot(ref, 0);
    this.#stagedRefs.set(ref, slot);
    return slot;
  }

  #slotOf({ written, ref, lastMs }: Series): number {
    if (written >= 0) return written;
    const slot = this.#stagedRefs.get(ref) ?? this.#newSlot(ref, lastMs);
    this.#stagedRefs.set(ref, slot);
    return slot;
  }

  #newSlot(ref: number, lastMs: number): number {
    const slot = this.#free.pop() ?? this.slotCount;
    if (slot === this.slotCount) this.slotCount += 1;
    if (slot >= this.#refs.length) {
      this.#refs = grownCopy(this.#refs, new Uint32Array(slot * 2));
      this.#baseTimes = grownCopy(this.#baseTimes, new Float64Array(slot * 2));
    }
    this.#refs[slot] = ref;
    this.#baseTimes[slot] = lastMs;
    return slot;
  }

  #freeSlot(slot: number): void {
    this.#refs[slot] = 0;
    this.#free.push(slot);
  }

  #attach(ref: number, slot: number): void {
    const series = this.#index.get(ref);
    assert(series !== undefined, "a series is in the index before its samples are");
    series.written = slot;
  }

  #forgetStaged(): void {
    this.#stagedSlots = [];
    this.#stagedKeys.length = 0;
    this.#stagedRefs.clear();
  }
}

type WriteVerdict = "taken" | "repeated" | WriteRefusal;

type Staging = {
  readonly request: WriteRequest;
  readonly bits: Uint32Array;
  readonly limits: WriteLimits;
  readonly count: StageCount;
};

/** Counts samples by what becomes of them, and describes the first that is refused for a reason. */
class StageCount {
  samples = 0;
  repeated = 0;
  readonly #labelsOf: WriteRequest["labelsOf"];
  readonly #byReason = new Map<WriteRefusal, { samples: number; readonly detail: string }>();

  constructor({ labelsOf }: WriteRequest) {
    this.#labelsOf = labelsOf;
  }

  refuse(reason: WriteRefusal, key: string, timeMs: number): void {
    const known = this.#byReason.get(reason);
    if (known === undefined) {
      const detail = `time ${timeMs} of ${this.#shown(key)}`;
      this.#byReason.set(reason, { samples: 1, detail });
    } else {
      known.samples += 1;
    }
  }

  /** Samples of a series that cannot be taken. */
  refuseSeries({ code, message }: OperationalError, key: string, samples: number): void {
    const reason = code === "LIMIT" ? "series" : "labels";
    const known = this.#byReason.get(reason);
    if (known !== undefined) {
      known.samples += samples;
      return;
    }
    const detail = reason === "series" ? `${message}: ${this.#shown(key)}` : message;
    this.#byReason.set(reason, { samples, detail });
  }

  outcome(): WriteOutcome {
    const { samples, repeated } = this;
    const refused = [...this.#byReason].map(([reason, one]) => ({ reason, ...one }));
    return { kind: "written", samples, repeated, refused };
  }

  #shown(key: string): string {
    try {
      return formatLabels(this.#labelsOf(key)).slice(0, DETAIL_LENGTH_MAX);
    } catch (error) {
      if (error instanceof OperationalError) return "a series whose labels cannot be stored";
      throw error;
    }
  }
}
