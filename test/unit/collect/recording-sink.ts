import type { Collector } from "../../../agent/collect/collector.ts";
import { type CollectContext, Faults } from "../../../agent/collect/context.ts";
import { ReadBuffer } from "../../../agent/collect/kit/held-file.ts";
import type { GroupSink } from "../../../agent/model/group-sink.ts";
import { formatLabels, type Labels } from "../../../shared/model/labels.ts";
import { scaledValue } from "../../../shared/model/series-definition.ts";
import { nodeClock } from "../../../shared/platform/node.ts";
import { SerialQueue } from "../../../shared/time/serial-queue.ts";
import { TICK_GROUP } from "../../../shared/wire/frame.ts";

type Slot = {
  name: string;
  scale: number;
  value: number | null;
  isRetired: boolean;
  isHeld: boolean;
  readonly group: number;
  /** As of the reading before. */
  before: number | null;
};

/** Keeps what collectors set; a tick begins with `begin`. */
export class RecordingSink {
  readonly slots: Slot[] = [];
  #groups = TICK_GROUP;
  /** Read since `begin`. */
  readonly #read = new Set([TICK_GROUP]);

  /** What an agent gives its collectors: the values of a group stand until it is read again. */
  get groups(): GroupSink {
    return {
      newGroup: () => {
        this.#groups += 1;
        return this.#groups;
      },
      closeGroup: () => {},
      read: (group) => void this.#read.add(group),
      define: (group, scale, labels) => this.define(scale, labels, group),
      retire: (slot) => this.retire(slot),
      set: (slot, value) => this.set(slot, value),
      hold: (slot, value) => this.hold(slot, value),
      end: (slot) => this.end(slot),
    };
  }

  define(scale: number, labels: Labels, group = TICK_GROUP): number {
    const name = formatLabels(labels);
    const unset = { value: null, before: null, isHeld: false, isRetired: false };
    this.slots.push({ name, scale, group, ...unset });
    return this.slots.length - 1;
  }

  retire(slot: number): void {
    const entry = this.#entry(slot);
    if (entry.isRetired) throw new Error(`retired twice: ${entry.name}`);
    entry.isRetired = true;
    entry.isHeld = false;
    entry.value = null;
  }

  set(slot: number, value: number): void {
    const entry = this.#entry(slot);
    if (entry.isRetired) throw new Error(`set after it was retired: ${entry.name}`);
    if (!Number.isFinite(value)) throw new Error(`not a number: ${entry.name} ${value}`);
    entry.value = value;
  }

  hold(slot: number, value: number): void {
    this.set(slot, value);
    this.#entry(slot).isHeld = true;
  }

  end(slot: number): void {
    const entry = this.#entry(slot);
    entry.isHeld = false;
    entry.value = null;
  }

  /** What a query sees after a tick with this one collector: the values of its last reading. */
  tick(collector: Collector, nowMs: number): Map<string, number> {
    const before = this.slots.map(({ value }) => value);
    this.begin();
    collector.collect(nowMs);
    if (collector.readAtMs !== null) return this.values();
    before.forEach((value, slot) => {
      const entry = this.#entry(slot);
      if (!entry.isRetired) entry.value = value;
    });
    return this.values();
  }

  begin(): void {
    for (const slot of this.slots) {
      if (this.#read.has(slot.group)) slot.before = slot.value;
      if (!slot.isHeld) slot.value = null;
    }
    this.#read.clear();
    this.#read.add(TICK_GROUP);
  }

  /** What was set since `begin`, as a query would see it, by `name{labels}`. */
  values(): Map<string, number> {
    const values = new Map<string, number>();
    for (const { name, scale, group, isRetired, ...slot } of this.slots) {
      const value = this.#read.has(group) ? slot.value : slot.before;
      if (value === null || isRetired) continue;
      if (values.has(name)) throw new Error(`two series ${name}`);
      values.set(name, scaledValue(value, scale));
    }
    return values;
  }

  /** Of the one series of a metric that has this among its labels; undefined: there is none. */
  value(metric: string, label = ""): number | undefined {
    const found = [...this.values()].filter(
      ([key]) => key.startsWith(`${metric}{`) && key.includes(label),
    );
    if (found.length > 1) throw new Error(`several series ${metric} ${label}`);
    return found[0]?.[1];
  }

  /** Series that are defined and not retired. */
  get liveCount(): number {
    return this.slots.filter((slot) => !slot.isRetired).length;
  }

  #entry(slot: number): Slot {
    const entry = this.slots[slot];
    if (entry === undefined) throw new Error(`no slot ${slot}`);
    return entry;
  }
}

/** What collectors of the host at this root are given; a test looks at what they set in `sink`. */
export function collectContext(hostRoot = "/", sink = new RecordingSink()) {
  const buffer = new ReadBuffer();
  const faults = new Faults(sink);
  const background = new SerialQueue();
  return { hostRoot, buffer, sink, faults, background, clock: nodeClock } satisfies CollectContext;
}

/** What was left out so far, by reason. */
export function faultCounts({ sink, faults }: ReturnType<typeof collectContext>) {
  const counts: Record<string, number> = {};
  for (const [key, value] of sink.tick(faults, 0)) {
    const reason = /_faults_total\{.*reason="(\w+)"/.exec(key)?.[1];
    if (reason !== undefined) counts[reason] = (counts[reason] ?? 0) + value;
  }
  return counts;
}
