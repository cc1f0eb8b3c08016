import { strict as assert } from "node:assert";
import type { DroppedRange } from "../../shared/model/accounts.ts";
import type { BatchOperation, KeyValueStore } from "../../shared/platform/ports.ts";
import { RANGES_UNDERWAY_MAX, withFrozen, withReported } from "./dropped-ranges.ts";
import type { Ledger } from "./ledger.ts";
import { encodeLedger, encodeRecord, LEDGER_KEY, RANGES_KEY } from "./records.ts";

export type LedgerChange = (ledger: Ledger) => Ledger;

/** The ledger in memory, and its writing. */
export class HeldLedger {
  readonly #store: KeyValueStore;
  readonly #show: (ledger: Ledger) => void;
  /** As it is on the disk, with what was noted since. */
  #ledger: Ledger;
  /** As it will be when the batch that is being written is; null when none is. */
  #next: Ledger | null = null;
  #hasNotes = false;
  /** As they were when they were last written, and when they were last synced. */
  #writtenRanges: readonly DroppedRange[];
  #syncedRanges: readonly DroppedRange[];
  #reportedId = 0;

  /** @param ledger is on the disk, synced @param show is called after each change */
  constructor(store: KeyValueStore, ledger: Ledger, show: (ledger: Ledger) => void) {
    this.#store = store;
    this.#ledger = ledger;
    this.#show = show;
    this.#writtenRanges = ledger.ranges.ranges;
    this.#syncedRanges = ledger.ranges.ranges;
    show(ledger);
  }

  get value(): Ledger {
    return this.#ledger;
  }

  /** Whether something was noted that the disk does not have. */
  get hasNotes(): boolean {
    return this.#hasNotes;
  }

  /** Changes what is in memory; the next write has it. */
  note(change: LedgerChange): void {
    const changed = change(this.#ledger);
    if (changed === this.#ledger) return;
    this.#ledger = changed;
    if (this.#next !== null) this.#next = change(this.#next);
    this.#hasNotes = true;
    this.#show(this.#ledger);
  }

  /** The ledger changes when the batch that says so is written, and not when it fails. */
  async write(
    change: LedgerChange,
    operations: readonly BatchOperation[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    assert(this.#next === null, "one write at a time");
    const next = change(this.#ledger);
    const { ranges } = next.ranges;
    const puts: BatchOperation[] = [{ type: "put", key: LEDGER_KEY, value: encodeLedger(next) }];
    if (ranges !== this.#writtenRanges) {
      puts.push({ type: "put", key: RANGES_KEY, value: encodeRecord(ranges) });
    }
    this.#next = next;
    try {
      await this.#store.batch([...operations, ...puts], options);
      this.#hasNotes = this.#next !== next;
      this.#ledger = this.#next;
    } finally {
      this.#next = null;
    }
    this.#writtenRanges = ranges;
    if (options.sync) this.#syncedRanges = ranges;
    this.#show(this.#ledger);
  }

  nextEpoch(): number {
    const epoch = Math.max(this.#ledger.epoch, this.#next?.epoch ?? 0) + 1;
    this.note((ledger) => ({ ...ledger, epoch }));
    return epoch;
  }

  /**
   * The oldest ranges of drops that were not reported and that no power cut can take back. Until they
   * are reported they come again, as they are: not one that grew since it was synced, or will.
   */
  droppedRanges(max: number): readonly DroppedRange[] {
    const oldest = this.#syncedRanges.filter(({ id }) => id > this.#reportedId);
    const states = [this.#ledger, this.#next ?? this.#ledger];
    const isAsSynced = (range: DroppedRange) =>
      states.every(({ ranges }) => ranges.ranges.includes(range));
    const given: DroppedRange[] = [];
    for (const range of oldest.slice(0, Math.min(max, RANGES_UNDERWAY_MAX))) {
      if (!isAsSynced(range)) break;
      given.push(range);
    }
    const id = given.at(-1)?.id ?? 0;
    this.note((ledger) => withRanges(ledger, withFrozen(ledger.ranges, id)));
    return given;
  }

  /** They arrived, all up to `id`. */
  rangesReported(id: number): void {
    this.#reportedId = Math.max(this.#reportedId, id);
    this.note((ledger) => withRanges(ledger, withReported(ledger.ranges, id)));
  }
}

function withRanges(ledger: Ledger, ranges: Ledger["ranges"]): Ledger {
  return ranges === ledger.ranges ? ledger : { ...ledger, ranges };
}
