import type { DroppedRange } from "../../shared/model/accounts.ts";
import type { BatchOperation, KeyValueStore } from "../../shared/platform/ports.ts";
import {
  type Drop,
  NO_RANGES,
  RANGES_UNDERWAY_MAX,
  type RangeBook,
  withDrop,
  withFrozen,
  withReported,
} from "./dropped-ranges.ts";
import { type Ledger, type Settlement, withDiscarded, withSettled } from "./ledger.ts";
import { encodeLedger, encodeRanges, LEDGER_KEY, RANGES_KEY } from "./records.ts";

/**
 * The ledger as it is on the disk, and what the next batch adds to it: frames that could not be
 * appended, acks that were only noted, ranges that were reported.
 */
export class Books {
  readonly #store: KeyValueStore;
  #ledger: Ledger;
  /** Frames that were made and not queued, since the last write. */
  #discards: RangeBook = NO_RANGES;
  #reportedId = 0;
  #hasNotes = false;
  /** As they are on the disk, and as they are since the last sync. */
  #writtenRanges: readonly DroppedRange[];
  #safeRanges: readonly DroppedRange[];

  /** `ledger` is on the disk, synced. */
  constructor(store: KeyValueStore, ledger: Ledger) {
    this.#store = store;
    this.#ledger = ledger;
    this.#writtenRanges = ledger.ranges.ranges;
    this.#safeRanges = ledger.ranges.ranges;
  }

  /** Without what was discarded since the last write. */
  get ledger(): Ledger {
    return this.#ledger;
  }

  /** With everything, as the next write will have it. */
  get current(): Ledger {
    let ledger = this.#ledger;
    for (const { id: _id, ...discard } of this.#discards.ranges) {
      ledger = withDiscarded(ledger, { ...discard, afterSeq: ledger.newestSeq });
    }
    return { ...ledger, ranges: withReported(ledger.ranges, this.#reportedId) };
  }

  /** Whether something is noted that the disk does not have. */
  get isAhead(): boolean {
    const isReported = this.#ledger.ranges.ranges.some(({ id }) => id <= this.#reportedId);
    return this.#hasNotes || isReported || this.#discards.ranges.length > 0;
  }

  nextEpoch(): number {
    this.#ledger = { ...this.#ledger, epoch: this.#ledger.epoch + 1 };
    return this.#ledger.epoch;
  }

  discard(drop: Omit<Drop, "afterSeq">): void {
    const afterSeq = this.#ledger.newestSeq;
    this.#discards = withDrop(this.#discards, { ...drop, afterSeq });
  }

  /** Settles in memory; the next write has it. */
  note(settlement: Settlement): void {
    this.#ledger = withSettled(this.#ledger, settlement);
    this.#hasNotes = true;
  }

  /** Changes when the batch that says so is written, and not when it fails. One at a time. */
  async write(
    change: (ledger: Ledger) => Ledger,
    operations: readonly BatchOperation[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    const ledger = change(this.current);
    const discardId = this.#discards.lastId;
    this.#discards = withFrozen(this.#discards, discardId); // those that come meanwhile are apart
    const puts: BatchOperation[] = [{ type: "put", key: LEDGER_KEY, value: encodeLedger(ledger) }];
    if (ledger.ranges.ranges !== this.#writtenRanges) {
      puts.push({ type: "put", key: RANGES_KEY, value: encodeRanges(ledger.ranges) });
    }
    try {
      await this.#store.batch([...operations, ...puts], options);
    } catch (error) {
      this.#discards = { ...this.#discards, frozenId: 0 };
      throw error;
    }
    const ranges = withFrozen(ledger.ranges, this.#ledger.ranges.frozenId);
    this.#ledger = { ...ledger, ranges, epoch: Math.max(ledger.epoch, this.#ledger.epoch) };
    this.#discards = withReported(this.#discards, discardId);
    this.#hasNotes = false;
    this.#writtenRanges = ranges.ranges;
    if (options.sync) this.#safeRanges = ranges.ranges;
  }

  /**
   * The oldest ranges that were not reported, and that no power cut can take back. Until they are,
   * they come again, as they are.
   */
  droppedRanges(max: number): readonly DroppedRange[] {
    const known = new Set(this.#ledger.ranges.ranges);
    const oldest = this.#safeRanges
      .filter((range) => range.id > this.#reportedId)
      .slice(0, Math.min(max, RANGES_UNDERWAY_MAX));
    const isOld = oldest.findIndex((range) => !known.has(range));
    const given = isOld < 0 ? oldest : oldest.slice(0, isOld);
    const id = given.at(-1)?.id ?? 0;
    this.#ledger = { ...this.#ledger, ranges: withFrozen(this.#ledger.ranges, id) };
    return given;
  }

  /** They arrived, all up to `id`. */
  rangesReported(id: number): void {
    this.#reportedId = Math.max(this.#reportedId, id);
  }
}
