/** The series of one target among those of the agent: what a page has, and what is said of the scrape. */

import { OperationalError } from "../../shared/errors.ts";
import {
  type Labels,
  labelsKey,
  labelValue,
  METRIC_NAME,
  withLabel,
} from "../../shared/model/labels.ts";
import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import type { LeftOutSamples } from "../../shared/model/target.ts";
import { grown } from "../../shared/wire/bytes.ts";
import {
  FOREIGN_LABELS_MAX,
  LABEL_NAME_LENGTH_MAX,
  LABEL_VALUE_LENGTH_MAX,
} from "../../shared/wire/label-limits.ts";
import type { GroupSink } from "../model/group-sink.ts";
import type { ScrapeConfig } from "./config/scrape-config.ts";
import { LabelHolders } from "./label-holders.ts";
import type { AddedSeries, PageReading } from "./page/page-reading.ts";
import type { Relabel } from "./relabel.ts";
import { type Room, SERIES_OF_TARGETS_MAX } from "./room.ts";
import { sampleLabels } from "./sample-labels.ts";
import { StampedSeries } from "./stamped-series.ts";

const FIRST_HANDLES = 64;
/** What stands for the slot of a handle that has none. */
const DROPPED = -1;
/** In no slot of the target's group: there is no value yet, or samples have times of their own. */
const APART = -2;

/** A clock may be wrong by so much, and its samples have the time of the scrape; Prometheus leaves out what is further ahead, too. */
const AHEAD_MS_MAX = 600_000;

/** What Prometheus says of each scrape. */
const REPORTS = [
  "up",
  "scrape_duration_seconds",
  "scrape_samples_scraped",
  "scrape_samples_post_metric_relabeling",
  "scrape_series_added",
] as const;

export type ScrapeCounts = {
  /** Samples of the page. */
  readonly scraped: number;
  /** Those that relabelling left, also where it made several one, as Prometheus counts them. */
  readonly kept: number;
  /** Of these, how many are of series that the last page did not have. */
  readonly added: number;
};

/** What became of a page, and why samples of it were left out. */
type Taken = {
  readonly counts: ScrapeCounts;
  readonly refusal: OperationalError | null;
  readonly leftOut: readonly LeftOutSamples[];
};

/** Where the series go, and how many there may be. */
export type SeriesPlace = {
  readonly sink: GroupSink;
  readonly room: Room;
  readonly stampedRoom: Room;
};

export class TargetSeries {
  readonly #sink: GroupSink;
  readonly #room: Room;
  readonly #config: ScrapeConfig;
  readonly #target: Labels;
  readonly #relabel: Relabel;
  readonly #group: number;
  readonly #reports: readonly number[];
  readonly #stamped: StampedSeries;
  /** Of each handle of the page's memory. */
  #slots = new Int32Array(FIRST_HANDLES);
  #isDouble = new Uint8Array(FIRST_HANDLES);
  readonly #labels: (Labels | undefined)[] = [];
  /** Why handles are refused: as long as the page has them the scrape fails. */
  readonly #refused = new Map<number, string>();
  /** Where relabelling may make two series one; else null. Who waits has labels and is DROPPED. */
  readonly #holders: LabelHolders | null;
  #kept = 0;
  /** Of the room: the series of the last page that was taken. */
  #held = 0;
  /** Of pages that had too many: what was behind the last sample that there is room for. */
  readonly #overLimit = new Set<number>();

  /** @throws OperationalError LIMIT when the agent has all the groups and series it may have */
  constructor(place: SeriesPlace, config: ScrapeConfig, target: Labels, relabel: Relabel) {
    const { sink, room, stampedRoom } = place;
    this.#sink = sink;
    this.#room = room;
    this.#config = config;
    this.#target = target;
    this.#relabel = relabel;
    this.#group = sink.newGroup();
    this.#stamped = new StampedSeries(sink, stampedRoom, config.trackTimestampsStaleness);
    const mayMerge = config.metricRelabel.length > 0 || config.honorLabels;
    this.#holders = mayMerge ? new LabelHolders() : null;
    this.#reports = REPORTS.map((name) =>
      sink.define(this.#group, DOUBLE_SCALE, withLabel(target, METRIC_NAME, name)),
    );
  }

  /**
   * Takes a page that was read at `timeMs`; `report` has to follow. Of a page that is refused nothing is
   * taken, and this stays in step with the memory of the page all the same.
   */
  take(page: PageReading, timeMs: number): Taken {
    this.#stamped.expire(timeMs);
    for (const handle of page.gone) {
      const labels = this.#labels[handle];
      if (labels !== undefined) this.#stamped.leave(handle, labels, timeMs);
      this.#drop(handle);
    }
    const keptBefore = this.#kept;
    for (const added of page.added) this.#admit(added);
    const added = this.#added(page, this.#kept - keptBefore);
    const counts = { scraped: page.samples, kept: this.#kept, added };
    const refusal = this.#refusal();
    if (refusal !== null) return { counts, refusal, leftOut: [] };
    this.#hold(this.#kept);
    try {
      return { counts, refusal: null, leftOut: this.#setAll(page, timeMs) };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      for (const slot of this.#slots) if (slot >= 0) this.#sink.end(slot);
      return { counts, refusal: error, leftOut: [] };
    }
  }

  #hold(count: number): void {
    this.#room.take(this.#held, count);
    this.#held = count;
  }

  /** How many series the page adds; those over the limit count when they are taken, as in Prometheus. */
  #added(page: PageReading, admitted: number): number {
    const most = this.#sampleMax();
    if (this.#kept <= most && this.#overLimit.size === 0) return admitted;
    for (const { handle } of page.added) {
      if (this.#labels[handle] !== undefined) this.#overLimit.add(handle);
    }
    let [position, count] = [0, 0];
    for (let i = 0; i < page.count && position < most; i += 1) {
      const handle = page.handles[i] ?? 0;
      if (this.#labels[handle] === undefined) continue;
      position += 1;
      if (this.#overLimit.delete(handle)) count += 1;
    }
    return count;
  }

  #sampleMax(): number {
    return this.#config.limits.samples || Number.POSITIVE_INFINITY;
  }

  /** What Prometheus would refuse the scrape for, and what would leave too little for other targets. */
  #refusal(): OperationalError | null {
    const [refused] = this.#refused.values();
    if (refused !== undefined) return new OperationalError("LIMIT", refused);
    const most = this.#sampleMax();
    if (this.#kept > most) {
      return new OperationalError("LIMIT", `sample_limit exceeded: ${this.#kept} of ${most}`);
    }
    if (this.#room.allows(this.#held, this.#kept)) return null;
    const what = `${this.#kept} series are more than what is left then for other targets`;
    return new OperationalError("LIMIT", `${what}: all of an agent have ${SERIES_OF_TARGETS_MAX}`);
  }

  /** Returns what there was no room for, or has a time that is too far ahead. */
  #setAll(page: PageReading, timeMs: number): LeftOutSamples[] {
    let [stamped, ahead] = [0, 0];
    for (let i = 0; i < page.count; i += 1) {
      const stampMs = page.timesMs[i] ?? Number.NaN;
      const handle = page.handles[i] ?? 0;
      const value = page.values[i] ?? Number.NaN;
      if (Number.isNaN(stampMs) || !this.#config.honorTimestamps) this.#set(handle, value);
      else if (stampMs > timeMs + AHEAD_MS_MAX) ahead += 1;
      else if (!this.#setStamped(handle, value, Math.min(stampMs, timeMs))) stamped += 1;
    }
    return [
      { reason: "stamped", samples: stamped },
      { reason: "ahead", samples: ahead },
    ];
  }

  /** Ends the scrape: series that the page did not have, or all where none was taken, end with it. */
  report(timeMs: number, isUp: boolean, seconds: number, counts: ScrapeCounts): void {
    const values = [Number(isUp), seconds, counts.scraped, counts.kept, counts.added];
    for (const [i, slot] of this.#reports.entries()) this.#sink.set(slot, values[i] ?? 0);
    this.#sink.read(this.#group, timeMs);
    if (!isUp) this.#stamped.miss(timeMs);
  }

  /** The target is no more: all its series end. */
  close(): void {
    for (const slot of this.#reports) this.#sink.retire(slot);
    for (const handle of this.#labels.keys()) this.#drop(handle);
    this.#stamped.close();
    this.#hold(0);
    this.#sink.closeGroup(this.#group);
  }

  /** A series that is new on the page. */
  #admit({ handle, labels: own }: AddedSeries): void {
    if (handle >= this.#slots.length) this.#grow(handle);
    this.#slots[handle] = DROPPED;
    const joined = sampleLabels(own, this.#target, this.#config.honorLabels);
    const labels = this.#relabel(joined);
    if (labels === null) return;
    const fault = this.#faultOf(labels);
    if (fault !== null) {
      this.#refused.set(handle, fault);
      return;
    }
    this.#labels[handle] = labels;
    this.#kept += 1;
    const isFirst = this.#holders?.add(labelsKey(labels), handle) ?? true;
    if (!isFirst) return;
    this.#isDouble[handle] = 0;
    this.#slots[handle] = APART;
  }

  #faultOf(labels: Labels): string | null {
    const { limits } = this.#config;
    const name = labelValue(labels, METRIC_NAME);
    if (name === "") return "metric name label is missing";
    const count = labels.length / 2;
    const most = Math.min(limits.labels || FOREIGN_LABELS_MAX, FOREIGN_LABELS_MAX);
    if (count > most) return `${name}: label_limit exceeded: ${count} of ${most}`;
    const nameMax = Math.min(
      limits.labelNameLength || LABEL_NAME_LENGTH_MAX,
      LABEL_NAME_LENGTH_MAX,
    );
    const valueMax = Math.min(
      limits.labelValueLength || LABEL_VALUE_LENGTH_MAX,
      LABEL_VALUE_LENGTH_MAX,
    );
    for (let i = 0; i < labels.length; i += 2) {
      const [label = "", value = ""] = [labels[i], labels[i + 1]];
      if (label.length > nameMax) return `${name}: label_name_length_limit exceeded`;
      if (value.length > valueMax) return `${name}: label_value_length_limit exceeded by ${label}`;
    }
    return null;
  }

  #set(handle: number, value: number): void {
    const slot = this.#slots[handle] ?? DROPPED;
    if (slot < 0 && slot !== APART) return;
    const isKnown = slot >= 0 && (this.#isDouble[handle] === 1 || isInteger(value));
    this.#sink.set(isKnown ? slot : this.#define(handle, value), value);
  }

  /** Counts and bytes travel as integers, which are small as differences; the first other value ends that. */
  #define(handle: number, value: number): number {
    const before = this.#slots[handle] ?? DROPPED;
    const labels = this.#labels[handle];
    if (labels === undefined) throw new Error("a series that was admitted has labels");
    if (before >= 0) this.#sink.retire(before);
    else this.#stamped.drop(handle, labels);
    const isDouble = before >= 0 || !isInteger(value);
    const slot = this.#sink.define(this.#group, isDouble ? DOUBLE_SCALE : 0, labels);
    this.#isDouble[handle] = Number(isDouble);
    this.#slots[handle] = slot;
    return slot;
  }

  #setStamped(handle: number, value: number, timeMs: number): boolean {
    const slot = this.#slots[handle] ?? DROPPED;
    const labels = this.#labels[handle];
    if (labels === undefined || (slot < 0 && slot !== APART)) return true;
    if (slot >= 0) {
      this.#sink.retire(slot);
      this.#slots[handle] = APART;
    }
    return this.#stamped.set(handle, labels, value, timeMs);
  }

  #drop(handle: number): void {
    const slot = this.#slots[handle] ?? DROPPED;
    const labels = this.#labels[handle];
    this.#refused.delete(handle);
    if (labels === undefined) return;
    this.#kept -= 1;
    this.#overLimit.delete(handle);
    this.#labels[handle] = undefined;
    this.#slots[handle] = DROPPED;
    const next = this.#holders?.remove(labelsKey(labels), handle) ?? null;
    if (next !== null) {
      this.#slots[next] = slot; // of the same labels
      this.#isDouble[next] = this.#isDouble[handle] ?? 0;
    } else if (slot >= 0) this.#sink.retire(slot);
  }

  #grow(handle: number): void {
    const size = 2 ** Math.ceil(Math.log2(handle + 1));
    this.#slots = grown(this.#slots, new Int32Array(size));
    this.#isDouble = grown(this.#isDouble, new Uint8Array(size));
  }
}

function isInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}
