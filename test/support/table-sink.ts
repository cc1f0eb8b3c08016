import type { GroupSink } from "../../agent/model/group-sink.ts";
import { OperationalError } from "../../shared/errors.ts";
import { labelsRecord } from "../../shared/model/labels.ts";

/** A series, by what it was told: its samples, and null where it ended. */
export type Told = { readonly scale: number; readonly samples: [number, number | null][] };

type Slot = {
  readonly key: string;
  readonly group: number;
  value: number | null;
  /** What `hold` gave it; null: nothing. */
  held: number | null;
  isAlive: boolean;
};

/** The agent's series as a table: what a group was last told counts when it is read. */
export class TableSink implements GroupSink {
  readonly series = new Map<string, Told>();
  readonly #slots: Slot[] = [];
  groups = 0;
  groupsMax = 1000;

  newGroup(): number {
    if (this.groups >= this.groupsMax) throw new OperationalError("LIMIT", "no more groups");
    this.groups += 1;
    return this.#slots.length + this.groups * 1000;
  }
  closeGroup(): void {
    this.groups -= 1;
  }
  define(group: number, scale: number, labels: readonly string[]): number {
    const { __name__: name = "", ...others } = labelsRecord(labels);
    const key = `${name}${JSON.stringify(others).replaceAll('"', "")}`;
    const before = this.series.get(key);
    this.series.set(key, { scale, samples: before?.samples ?? [] });
    return this.#slots.push({ key, group, value: null, held: null, isAlive: false }) - 1;
  }
  retire(slot: number): void {
    this.end(slot);
    const one = this.#slots[slot];
    if (one === undefined) return;
    if (one.isAlive) this.series.get(one.key)?.samples.push([Number.NaN, null]);
    this.#slots[slot] = { ...one, group: -1, isAlive: false };
  }
  end(slot: number): void {
    const one = this.#slots[slot];
    if (one !== undefined) one.held = one.value = null;
  }
  hold(slot: number, value: number): void {
    const one = this.#slots[slot];
    if (one !== undefined) one.held = one.value = value;
  }
  set(slot: number, value: number): void {
    const one = this.#slots[slot];
    if (one !== undefined) one.value = value;
  }
  read(group: number, timeMs: number): void {
    for (const one of this.#slots) {
      if (one.group !== group) continue;
      if (one.value !== null || one.isAlive) {
        this.series.get(one.key)?.samples.push([timeMs, one.value]);
      }
      one.isAlive = one.value !== null;
      one.value = one.held;
    }
  }
}
