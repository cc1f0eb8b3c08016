import { strict as assert } from "node:assert";
import { OperationalError } from "../../shared/errors.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { TIME_PRECISION_MS } from "../../shared/wire/frame.ts";
import type { GroupSink } from "../model/group-sink.ts";
import { type LabelFault, labelFault } from "./label-fault.ts";
import { type Cohort, NEVER, OneSeries } from "./pushed-one.ts";

/** Why a sample is not taken. */
export type LeftOutReason =
  | LabelFault // more labels than there may be, too long, or not text
  | "senders" // there are as many senders as there may be
  | "sender_series" // the sender has all the series it may have
  | "agent_series" // the agent has all the series or groups it may have
  | "duplicate" // its series has that time already
  | "out_of_order" // its series has a later one
  | "old"
  | "future"
  | "overlap" // an increase of a time of which the increase is known
  | "buckets" // a histogram of more buckets than there may be
  | "malformed"; // it does not say what it has to, or what cannot be

export type PushLimits = {
  readonly senders: number;
  /** Of one sender. */
  readonly series: number;
};

/** What a sender says of one time. */
export type Reading = {
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly series: readonly OneSeries[];
  /** Of each of the series; null: it ends. */
  readonly values: readonly (number | null)[];
};

/** Into the reading of its cohort, or its next one; into another cohort; or not in this tick. */
type Place = "here" | "with-next" | "apart" | "later";

export type SenderDeps = {
  readonly clock: Pick<Clock, "nowMs" | "monotonicMs">;
  sink(): GroupSink;
  ticks(): number;
  leaveOut(reason: LeftOutReason, count: number): void;
  /** Of one more series, among those of all senders. False: there are as many as there may be. */
  claim(): boolean;
  release(): void;
  /** @throws OperationalError LIMIT */
  newGroup(): number;
  /** There is one group less, in this encoder or one that is no more. */
  dropGroup(): void;
};

/** Who was not heard of for so long is retired. */
const SILENCE_MS_MAX = 5 * 60_000;
/** A held series is heard of with its cohort; for so long it may say nothing itself. */
const HELD_MS_MAX = 60 * 60_000;
/** Who was cut off for a while may send what it kept. */
const OLD_MS_MAX = 60 * 60_000;
/** A sender's clock may be ahead by so much; its samples have the time of the tick that takes them. */
const FUTURE_MS_MAX = 5 * 60_000;
/** Who parted so often is alone. */
const PARTINGS_MAX = 2;

/** One who pushes, and its series (pushed-series.ts has the design). */
export class Sender {
  readonly #limits: PushLimits;
  readonly #deps: SenderDeps;
  readonly #series = new Map<string, OneSeries>();
  readonly #cohorts = new Set<Cohort>();
  /** Those that the next tick reads. */
  #pending: Cohort[] = [];
  /** Those of them that others may join, by how often they parted and time. */
  readonly #open = new Map<number, Cohort>();
  /** Of the reading that is taken: the tick, and the monotonic clock. */
  #tick = 0;
  #atMs = 0;

  constructor(limits: PushLimits, deps: SenderDeps) {
    this.#limits = limits;
    this.#deps = deps;
  }

  get seriesCount(): number {
    return this.#series.size;
  }

  /**
   * The series with these labels, kept from now on; or why there is none: the caller counts its samples
   * (`PushedSeries.leaveOut`).
   * @param isHeld what is not sent of it has not changed; counts where the series is new
   */
  series(labels: Labels, isHeld: boolean): OneSeries | LeftOutReason {
    const key = labelsKey(labels);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= this.#limits.series) return "sender_series";
    const fault = labelFault(labels);
    if (fault !== null) return fault;
    if (!this.#deps.claim()) return "agent_series";
    const one = new OneSeries(labels, isHeld, this.#deps.clock.monotonicMs());
    this.#series.set(key, one);
    return one;
  }

  /**
   * Takes a reading into the tick to come. Returns what has to wait for the tick after it, because its
   * series are in a reading already; null: nothing. What cannot be taken is counted.
   */
  take({ timeMs, series, values }: Reading): Reading | null {
    const fault = timeFault(timeMs, this.#deps.clock.nowMs());
    if (fault !== null) {
      this.#deps.leaveOut(fault, series.length);
      return null;
    }
    this.#tick = this.#deps.ticks();
    this.#atMs = this.#deps.clock.monotonicMs();
    const newcomers: number[] = [];
    const waiting: number[] = [];
    for (let i = 0; i < series.length; i += 1) {
      const one = series[i];
      assert(one !== undefined);
      const place = this.#placeOf(one, timeMs);
      if (place === "here") this.#put(one, values[i] ?? null, timeMs);
      else if (place === "with-next") this.#putLate(one, values[i] ?? null, timeMs);
      else if (place === "apart") newcomers.push(i);
      else if (place === "later") waiting.push(i);
      else this.#deps.leaveOut(place, 1);
    }
    // After the others: they join a cohort that is read with them.
    for (const i of newcomers) this.#admit(series[i], values[i] ?? null, timeMs);
    if (waiting.length === 0) return null;
    return { timeMs, series: pick(series, waiting), values: pick(values, waiting) };
  }

  /** Reads the groups of what was taken; `tickMs`: of the tick. */
  read(tickMs: number): void {
    for (const cohort of this.#pending) {
      const { pendingMs } = cohort;
      if (pendingMs === null || !this.#cohorts.has(cohort)) continue; // its members have gone
      cohort.sentMs = pendingMs;
      cohort.readMs = Math.max(Math.min(floored(pendingMs), tickMs), cohort.readMs + 1);
      cohort.pendingMs = null;
      this.#deps.sink().read(cohort.group, cohort.readMs);
    }
    this.#pending = [];
    this.#open.clear();
  }

  /** The clock was set back: times that were are no measure any more. */
  forgetTimes(): void {
    for (const cohort of this.#cohorts) {
      cohort.sentMs = NEVER;
      cohort.readMs = NEVER;
    }
    for (const one of this.#series.values()) {
      one.sentMs = NEVER;
      one.cohortMs = NEVER;
    }
  }

  /** Retires what was not heard of for long. Returns how many series are left. */
  sweep(atMs: number): number {
    for (const [key, one] of this.#series) {
      const heardMs = one.isHeld ? (one.cohort?.heardMs ?? one.heardMs) : one.heardMs;
      const isOver = atMs - heardMs > SILENCE_MS_MAX || atMs - one.heardMs > HELD_MS_MAX;
      if (isOver) this.#retire(key, one);
    }
    return this.#series.size;
  }

  /** Another encoder takes the series: each goes on with the sample that it had. */
  defineAnew(): void {
    const sink = this.#deps.sink();
    for (const cohort of this.#cohorts) {
      try {
        cohort.group = sink.newGroup();
        for (const one of cohort.members) this.#restate(one, cohort);
      } catch (error) {
        this.#count(error, cohort.members.size);
        this.#forget(cohort);
        continue;
      }
      if (cohort.pendingMs !== null || cohort.readMs === NEVER) continue;
      sink.read(cohort.group, cohort.readMs);
      cohort.busyTick = this.#deps.ticks();
    }
  }

  /** Where a value goes that its series has at `timeMs`, or why nowhere. */
  #placeOf(one: OneSeries, timeMs: number): Place | LeftOutReason {
    if (one.isRetired) return "old"; // while it waited
    if (timeMs === one.sentMs) return "duplicate";
    if (timeMs < one.sentMs) return "out_of_order";
    const { cohort } = one;
    if (cohort === null) return "apart";
    if (one.tick === this.#tick || cohort.busyTick === this.#tick) return "later";
    if (cohort.pendingMs !== null && !isOneTime(cohort.pendingMs, timeMs)) return "later";
    if (one.isHeld) return timeMs > cohort.sentMs ? "here" : "with-next";
    const wasMissing = one.cohortMs !== cohort.sentMs && !one.isEnded;
    if (wasMissing && cohort.members.size > 1) return "apart";
    return "here";
  }

  /** A series that is in no cohort, or does not belong into its own. */
  #admit(one: OneSeries | undefined, value: number | null, timeMs: number): void {
    assert(one !== undefined);
    if (one.cohort === null && value === null) return;
    // It is twice in the reading.
    if (one.sentMs >= timeMs) {
      this.#deps.leaveOut("duplicate", 1);
      return;
    }
    if (one.cohort !== null) {
      this.#leave(one);
      one.partings += 1;
    }
    try {
      const cohort = this.#cohortFor(one, timeMs);
      one.cohort = cohort;
      one.isDouble = !isInteger(value ?? 0);
      cohort.members.add(one);
      one.slot = this.#defined(one, cohort, one.isDouble);
    } catch (error) {
      this.#count(error, 1);
      if (one.cohort !== null) this.#leave(one);
      return;
    }
    this.#put(one, value, timeMs);
  }

  /** @throws OperationalError LIMIT */
  #cohortFor({ partings }: OneSeries, timeMs: number): Cohort {
    const found = this.#openCohort(partings, timeMs);
    if (found !== null) return found;
    const cohort = {
      group: this.#deps.newGroup(),
      members: new Set<OneSeries>(),
      ...{ partings, sentMs: NEVER, readMs: NEVER, pendingMs: null, busyTick: -1, heardMs: 0 },
    };
    this.#cohorts.add(cohort);
    return cohort;
  }

  /** One that the next tick reads at this time, or null. */
  #openCohort(partings: number, timeMs: number): Cohort | null {
    if (partings >= PARTINGS_MAX) return null;
    for (const step of [0, -1, 1]) {
      const cohort = this.#open.get(openKey(partings, timeMs + step * TIME_PRECISION_MS));
      if (cohort === undefined || cohort.pendingMs === null) continue;
      if (this.#cohorts.has(cohort) && isOneTime(cohort.pendingMs, timeMs)) return cohort;
    }
    return null;
  }

  /** Of a series that is in a cohort. */
  #put(one: OneSeries, value: number | null, timeMs: number): void {
    const { cohort } = one;
    assert(cohort !== null);
    if (!this.#isSet(one, cohort, value)) return;
    if (cohort.pendingMs === null) {
      cohort.pendingMs = timeMs;
      this.#pending.push(cohort);
      if (cohort.partings < PARTINGS_MAX) {
        this.#open.set(openKey(cohort.partings, timeMs), cohort);
      }
    }
    one.sentMs = timeMs;
    one.cohortMs = cohort.pendingMs;
    one.tick = this.#tick;
    one.heardMs = this.#atMs;
    cohort.heardMs = this.#atMs;
  }

  /** A held value of before its cohort's last reading: the next one has it. */
  #putLate(one: OneSeries, value: number | null, timeMs: number): void {
    const { cohort } = one;
    assert(cohort !== null);
    if (!this.#isSet(one, cohort, value)) return;
    one.sentMs = timeMs;
    one.heardMs = this.#atMs;
  }

  #isSet(one: OneSeries, cohort: Cohort, value: number | null): boolean {
    try {
      if (value === null) this.#deps.sink().end(one.slot);
      else this.#set(one, cohort, value);
    } catch (error) {
      this.#count(error, 1);
      return false;
    }
    one.isEnded = value === null;
    return true;
  }

  /** Integers travel as such, which are small as differences; the first other value ends that. */
  #set(one: OneSeries, cohort: Cohort, value: number): void {
    const sink = this.#deps.sink();
    if (!one.isDouble && !isInteger(value)) {
      const slot = this.#defined(one, cohort, true);
      one.isDouble = true;
      sink.retire(one.slot);
      one.slot = slot;
    }
    one.value = value;
    if (one.isHeld) sink.hold(one.slot, value);
    else sink.set(one.slot, value);
  }

  /** @throws OperationalError LIMIT */
  #defined({ labels }: OneSeries, { group }: Cohort, isDouble: boolean): number {
    return this.#deps.sink().define(group, isDouble ? DOUBLE_SCALE : 0, labels);
  }

  /** @throws OperationalError LIMIT */
  #restate(one: OneSeries, cohort: Cohort): void {
    const sink = this.#deps.sink();
    one.slot = this.#defined(one, cohort, one.isDouble);
    if (one.isEnded) return;
    const { pendingMs, sentMs } = cohort;
    const isIn = one.cohortMs === (pendingMs ?? sentMs);
    if (one.isHeld) sink.hold(one.slot, one.value);
    else if (isIn) sink.set(one.slot, one.value);
  }

  #retire(key: string, one: OneSeries): void {
    this.#series.delete(key);
    this.#deps.release();
    one.isRetired = true;
    if (one.cohort !== null) this.#leave(one);
  }

  #leave(one: OneSeries): void {
    const { cohort } = one;
    assert(cohort !== null);
    const sink = this.#deps.sink();
    if (one.slot >= 0) sink.retire(one.slot);
    cohort.members.delete(one);
    one.cohort = null;
    one.slot = -1;
    if (cohort.members.size > 0) return;
    this.#cohorts.delete(cohort);
    sink.closeGroup(cohort.group);
    this.#deps.dropGroup();
  }

  /** The other encoder has no room for it. */
  #forget(cohort: Cohort): void {
    this.#cohorts.delete(cohort);
    this.#deps.dropGroup();
    for (const one of cohort.members) {
      one.cohort = null;
      one.slot = -1;
    }
  }

  #count(error: unknown, samples: number): void {
    if (!(error instanceof OperationalError) || error.code !== "LIMIT") throw error;
    this.#deps.leaveOut("agent_series", samples);
  }
}

export function timeFault(timeMs: number, nowMs: number): LeftOutReason | null {
  if (!(timeMs >= nowMs - OLD_MS_MAX)) return "old";
  return timeMs > nowMs + FUTURE_MS_MAX ? "future" : null;
}

/** Times of a reading come in these steps. */
function floored(timeMs: number): number {
  return Math.floor(timeMs / TIME_PRECISION_MS) * TIME_PRECISION_MS;
}

function openKey(partings: number, timeMs: number): number {
  return Math.floor(timeMs / TIME_PRECISION_MS) * PARTINGS_MAX + partings;
}

function isOneTime(aMs: number, bMs: number): boolean {
  return Math.abs(aMs - bMs) < TIME_PRECISION_MS;
}

function isInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

function pick<T>(all: readonly T[], places: readonly number[]): T[] {
  return places.flatMap((i) => all.slice(i, i + 1));
}
