import { strict as assert } from "node:assert";
import type { OneSeries } from "../pushed-one.ts";
import { type Kind, type LineFault, parseValue } from "./statsd-line.ts";

/** A longer member of a set is refused. */
const MEMBER_LENGTH_MAX = 256;
const MINUS = 0x2d;
const PLUS = 0x2b;

type MetricParts = {
  readonly kind: Kind;
  /** That no metric of another type may have. */
  readonly names: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending. */
  readonly bounds: readonly number[] | null;
  /** One, or a histogram's: its buckets, the sum, the count. */
  readonly series: readonly OneSeries[];
  /** How many members all sets together may still take. */
  readonly room: { members: number };
};

/** What has been said of one name with one set of tags. */
export class Metric {
  readonly kind: Kind;
  readonly names: readonly string[];
  readonly #bounds: readonly number[] | null;
  readonly #series: readonly OneSeries[];
  readonly #room: { members: number };
  /** Of each bucket alone, the last one without a bound. */
  readonly #counts: Float64Array | null;
  readonly #members: Set<string> | null;
  #value = 0;
  #sum = 0;
  #isHeard = false;
  #heardMs: number;
  #isEnded = false;
  /** A set has none before its first window is over. */
  hasValue = false;

  constructor({ kind, names, bounds, series, room }: MetricParts, atMs: number) {
    assert(series.length === (bounds === null ? 1 : bounds.length + 3));
    this.kind = kind;
    this.names = names;
    this.#bounds = bounds;
    this.#series = series;
    this.#room = room;
    this.#counts = bounds === null ? null : new Float64Array(bounds.length + 1);
    this.#members = kind === "set" ? new Set() : null;
    this.#heardMs = atMs;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Its series could not be kept: the agent has all it may have. */
  get isLost(): boolean {
    for (const one of this.#series) if (one.isRetired) return true;
    return false;
  }

  /** Takes a value as the line has it; null, or why it is not taken. */
  take(text: string, weight: number): LineFault | null {
    if (this.#members !== null) return this.#join(text, this.#members);
    const value = parseValue(text);
    if (Number.isNaN(value)) return "value";
    const fault = this.#add(value, text.charCodeAt(0), weight);
    if (fault !== null) return fault;
    this.#isHeard = true;
    this.hasValue = true;
    return null;
  }

  /** Whether it was silent for longer than `silenceMs` at `atMs`, on the monotonic clock. */
  isOver(atMs: number, silenceMs: number): boolean {
    if (this.#isHeard) this.#heardMs = atMs;
    this.#isHeard = false;
    return atMs - this.#heardMs > silenceMs;
  }

  /** What a set has collected is its value until the next window is over. */
  endWindow(): void {
    if (this.#members === null) return;
    this.#value = this.#members.size;
    this.hasValue = true;
    this.#empty(this.#members);
  }

  /** Appends its series and what they are, or that they end. */
  read(series: OneSeries[], values: (number | null)[], isOver: boolean): void {
    for (const one of this.#series) series.push(one);
    if (isOver) {
      for (const _ of this.#series) values.push(null);
    } else if (this.#counts === null) {
      values.push(this.#value);
    } else {
      let count = 0;
      for (const inBucket of this.#counts) {
        count += inBucket;
        values.push(count);
      }
      values.push(this.#sum, count);
    }
  }

  /** Nothing comes to it any more. */
  end(): void {
    this.#isEnded = true;
    if (this.#members !== null) this.#empty(this.#members);
  }

  #add(value: number, sign: number, weight: number): LineFault | null {
    switch (this.kind) {
      case "counter":
        if (value < 0) return "negative_counter";
        return this.#become(this.#value + value * weight);
      case "gauge": {
        const isChange = sign === PLUS || sign === MINUS;
        return this.#become(isChange ? this.#value + value : value);
      }
      case "timer":
        return this.#observe(value / 1000, weight);
      default:
        return this.#observe(value, weight);
    }
  }

  #become(value: number): LineFault | null {
    if (!Number.isFinite(value)) return "value";
    this.#value = value;
    return null;
  }

  #observe(value: number, weight: number): LineFault | null {
    const [bounds, counts] = [this.#bounds, this.#counts];
    assert(bounds !== null && counts !== null);
    const sum = this.#sum + value * weight;
    if (!Number.isFinite(sum)) return "value";
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
    counts[bucket] = (counts[bucket] ?? 0) + weight;
    this.#sum = sum;
    return null;
  }

  #join(text: string, members: Set<string>): LineFault | null {
    if (text === "") return "value";
    if (text.length > MEMBER_LENGTH_MAX) return "too_long";
    this.#isHeard = true;
    if (members.has(text)) return null;
    if (this.#room.members === 0) return "set_members";
    this.#room.members -= 1;
    // A text of its own: as a part of its datagram's it would keep all of that in memory.
    members.add(Buffer.from(text, "latin1").toString("latin1"));
    return null;
  }

  #empty(members: Set<string>): void {
    this.#room.members += members.size;
    members.clear();
  }
}
