import { columnBits } from "../../shared/model/stale.ts";
import type { Piece } from "./chunk-decoder.ts";
import { grownCopy } from "./group-rows.ts";

const ENTRIES_FIRST = 4096;
const SLOTS_FIRST = 256;
/** Entries that are looked through for one of an earlier time. */
const SEARCH_MAX = 4096;

/**
 * Samples in the order in which they came, each with the place of the entry before it of the same
 * series, which has a number here, its slot. 20 bytes a sample, whatever the series.
 *
 * Invariant: times of a series ascend. Entries from `published` on are not safe yet: nobody reads
 * them, and `discard` takes them back.
 */
export class WrittenSegment {
  /** Counted over the life of the store. */
  number: number;
  /** On the monotonic clock. */
  readonly openedAtMs: number;
  count = 0;
  published = 0;
  #times = new Float64Array(ENTRIES_FIRST);
  #values = new Float64Array(ENTRIES_FIRST);
  #bits = columnBits(this.#values);
  #before = new Int32Array(ENTRIES_FIRST);
  /** By slot: its last entry plus one; 0 where it has none. */
  #last = new Int32Array(SLOTS_FIRST);

  constructor(number: number, openedAtMs: number) {
    this.number = number;
    this.openedAtMs = openedAtMs;
  }

  has(slot: number): boolean {
    return (this.#last[slot] ?? 0) > 0;
  }

  /** Time of the slot's last sample; null where there is none. */
  lastTimeOf(slot: number): number | null {
    const last = this.#last[slot] ?? 0;
    return last === 0 ? null : (this.#times[last - 1] ?? 0);
  }

  /** @param timeMs after that of the slot's last sample */
  add(slot: number, timeMs: number, low: number, high: number): void {
    const entry = this.count;
    if (entry === this.#times.length) this.#growEntries();
    if (slot >= this.#last.length) {
      this.#last = grownCopy(this.#last, new Int32Array(Math.max(slot + 1, this.#last.length * 2)));
    }
    this.#times[entry] = timeMs;
    this.#bits[entry * 2] = low;
    this.#bits[entry * 2 + 1] = high;
    this.#before[entry] = this.#last[slot] ?? 0;
    this.#last[slot] = entry + 1;
    this.count = entry + 1;
  }

  publish(): void {
    this.published = this.count;
  }

  /** Takes back what was not published; `slots` has one for each entry of it. */
  discard(slots: readonly number[]): void {
    while (this.count > this.published) {
      this.count -= 1;
      const slot = slots[this.count - this.published] ?? 0;
      this.#last[slot] = this.#before[this.count] ?? 0;
    }
  }

  /** Whether the slot has this sample, or another at its time; null: none at that time. */
  compare(slot: number, timeMs: number, low: number, high: number): "same" | "other" | null {
    let entry = (this.#last[slot] ?? 0) - 1;
    for (let steps = 0; entry >= 0 && steps < SEARCH_MAX; steps += 1) {
      const time = this.#times[entry] ?? 0;
      if (time < timeMs) return null;
      if (time === timeMs) {
        const isSame = this.#bits[entry * 2] === low && this.#bits[entry * 2 + 1] === high;
        return isSame ? "same" : "other";
      }
      entry = (this.#before[entry] ?? 0) - 1;
    }
    return null;
  }

  /** Samples of the slot with startMs < time <= endMs; a copy. */
  read(slot: number, startMs: number, endMs: number): Piece {
    let [first, count] = [-1, 0];
    let entry = (this.#last[slot] ?? 0) - 1;
    while (entry >= this.published) entry = (this.#before[entry] ?? 0) - 1;
    for (; entry >= 0; entry = (this.#before[entry] ?? 0) - 1) {
      const time = this.#times[entry] ?? 0;
      if (time <= startMs) break;
      if (time > endMs) continue;
      if (first < 0) first = entry;
      count += 1;
    }
    const times = new Float64Array(count);
    const values = new Float64Array(count);
    const bits = columnBits(values);
    for (let i = count - 1, at = first; i >= 0; i -= 1, at = (this.#before[at] ?? 0) - 1) {
      times[i] = this.#times[at] ?? 0;
      bits[i * 2] = this.#bits[at * 2] ?? 0;
      bits[i * 2 + 1] = this.#bits[at * 2 + 1] ?? 0;
    }
    return { times, values };
  }

  /** A sample by its place: time, and the words of its value. */
  timeAt(entry: number): number {
    return this.#times[entry] ?? 0;
  }

  wordAt(entry: number, word: 0 | 1): number {
    return this.#bits[entry * 2 + word] ?? 0;
  }

  #growEntries(): void {
    const capacity = this.#times.length * 2;
    this.#times = grownCopy(this.#times, new Float64Array(capacity));
    const values = new Float64Array(capacity);
    const bits = columnBits(values);
    bits.set(this.#bits);
    this.#values = values;
    this.#bits = bits;
    this.#before = grownCopy(this.#before, new Int32Array(capacity));
  }
}
