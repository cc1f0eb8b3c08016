/**
 * A durable queue of bytes. It does not know what it carries: the user hands in entries that hold
 * their own sequence, time and checksum, and a `Content` that reads them back (entries.ts).
 *
 * Sequences. An entry's sequence is `epoch * 2^32 + count`. Every opening begins a new epoch, and so
 * does the user after an append that failed, so no sequence is ever used for two entries. Within an
 * epoch sequences have no gap. Entries build on those before them; one that does not is a *start*,
 * and the first of an epoch is one. A start and what follows up to the next is a *stretch*: the
 * smallest part that can be read on its own, and the only part that is ever removed.
 *
 * Settling. An entry waits until it is settled: stored at the reader's (`ack`) or dropped, for a
 * reason. Entries settle in order. An ack removes the stretches before the one it lies in, so what is
 * left can always be read by a reader that lost everything. The *ledger* (ledger.ts) says where every
 * entry ever made is; it is a value, and all changes of it are pure functions.
 *
 * What is written, and what a crash leaves:
 *
 *   - `append`: the entry, what the user writes along with it, the stretch it may begin, and the
 *     ledger that counts it, in one synced batch. It is there as a whole or not at all.
 *   - settling that removes or drops: the ledger, the ranges of what was dropped, and the deletion of
 *     the stretches, in one batch that is not synced; then the entries are deleted. A crash in
 *     between leaves entries outside of all stretches, which the next opening deletes. A power cut
 *     may take the batch back, with all after it: then the entries wait again, and the reader, who
 *     knows them by their sequence, acks them once more.
 *   - an ack that does neither, and whatever else is noted (drops of what was never queued, reports
 *     that arrived), is in memory until the next of these batches or `close` has it.
 *
 * The store undoes a batch that it rejected before it writes anything else (`KeyValueStore`), so the
 * ledger in memory changes when a batch was written, and stays as it was when it was not.
 *
 * Drops are kept as ranges (dropped-ranges.ts) until they were reported. One is handed out when it is
 * synced, and keeps its shape from then on: a reader that takes each id once counts nothing twice.
 *
 * Damage. What fails its checksum or is missing where the stretches say it should be is left out by
 * `read` and counts as dropped (`damaged`) when it is settled. A ledger that is lost or older than the
 * entries is made good from them (recovery.ts).
 */
import { strict as assert } from "node:assert";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Accounts, DroppedRange } from "../../shared/model/accounts.ts";
import { countOfSeq, seqOf } from "../../shared/model/sequence.ts";
import type {
  BatchOperation,
  Clock,
  KeyValueStore,
  Logger,
  Random,
} from "../../shared/platform/ports.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { DISK_LOOK_MS, DiskRoom } from "./disk-room.ts";
import { type Content, type QueueEntry, readEntry, readSpan } from "./entries.ts";
import { HeldLedger } from "./held-ledger.ts";
import {
  accountsOf,
  bytesKept,
  type Ledger,
  type Settlement,
  settlement,
  waitingEntries,
  withDiscarded,
  withQueued,
  withRefused,
  withSettled,
} from "./ledger.ts";
import {
  encodeRecord,
  entryKey,
  IDENTITY_KEY,
  stretchKey,
  stretchPut,
  USER_KEY,
} from "./records.ts";
import { DAMAGED, newStreamId } from "./recovery.ts";
import { countBelow, countHolding, countWithin, seqAfter, upTo } from "./stretches.ts";

export type QueueDeps = {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Bytes that are left on the disk of the store. */
  readonly freeBytes: () => Promise<number>;
  /** Called after each change. */
  readonly show: (accounts: Accounts, bytesKept: number) => void;
};

/** Each queue has a store of its own, so that neither damage nor a backlog is shared. */
export type QueueLimits = {
  readonly bytesMax: number;
  /** The oldest go when they are older, whatever `whenFull` says. */
  readonly ageMaxMs: number;
  /**
   * The oldest stretches make room for an entry, or `append` waits, so that whoever makes entries
   * stops reading at the source.
   */
  readonly whenFull: "drop_oldest" | "block";
  /** A disk with less room counts as full as long as there is a backlog to shed. */
  readonly freeBytesMin: number;
};

/** What is written in the batch of an entry, and counts as a part of it. */
export type Along = {
  /** Samples of a frame, lines of a block. */
  readonly items: number;
  /** Keys begin with `USER_KEY`. */
  readonly operations: readonly BatchOperation[];
};

export class ByteQueue<E extends QueueEntry> {
  /** The epoch this process begins with; no entry of it was sent before. */
  readonly epoch: number;
  readonly #deps: QueueDeps;
  readonly #content: Content<E>;
  readonly #limits: QueueLimits;
  readonly #disk: DiskRoom;
  readonly #appended = new ChangeSignal();
  readonly #acked = new ChangeSignal();
  readonly #held: HeldLedger;
  /** Changes of the store happen one after the other. */
  readonly #turns = new SerialQueue();
  #handedOutSeq: number;
  /** The last entry that was appended, so that sending it at once reads nothing. */
  #newest: E | null = null;

  /** @param ledger what `recover` found in the store, which stays the caller's to close */
  constructor(deps: QueueDeps, content: Content<E>, limits: QueueLimits, ledger: Ledger) {
    this.#deps = deps;
    this.#content = content;
    this.#limits = limits;
    this.#held = new HeldLedger(deps.store, ledger, (now) =>
      deps.show(accountsOf(now), bytesKept(now)),
    );
    this.epoch = ledger.epoch;
    this.#handedOutSeq = seqOf(this.epoch, 0);
    this.#disk = new DiskRoom(deps, limits.freeBytesMin);
  }

  get #ledger(): Ledger {
    return this.#held.value;
  }

  get streamId(): string {
    return this.#ledger.streamId;
  }

  /** Everything up to here is acked or dropped. */
  get ackedSeq(): number {
    return this.#ledger.settledSeq;
  }

  get accounts(): Accounts {
    return accountsOf(this.#ledger);
  }

  /** The first entry that can be read, 0 where there is none. */
  get oldestSeq(): number {
    return this.#ledger.stretches[0]?.seq ?? 0;
  }

  /** The last entry that can be read; where there is none, the last one there was. */
  get newestSeq(): number {
    return this.#ledger.newestSeq;
  }

  /** No entry after this one can have been sent by this process or one before it. */
  get handedOutSeq(): number {
    return this.#handedOutSeq;
  }

  /**
   * An epoch that was never used. Needed after an append that failed and after a step back of the
   * clock. It becomes durable with the first entry of it, before which nobody can see it.
   */
  nextEpoch(): number {
    return this.#held.nextEpoch();
  }

  /**
   * Resolves when the entry is durable. A queue that blocks waits for room until `signal` is aborted.
   * When it rejects the entry is to be discarded or appended again; go on with the first entry of a
   * new epoch: what builds on a lost one is refused.
   * @throws OperationalError STORAGE when it cannot be written or builds on an entry that was not,
   * LIMIT when it is larger than the limit allows
   */
  async appendEntry(entry: E, along: Along, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const { ackedSeq } = this;
      const refusal = await this.#turns.run(() => this.#tryAppend(entry, along));
      if (refusal === null) break;
      if (refusal === "disk_low") await this.#deps.clock.sleep(DISK_LOOK_MS, signal);
      else if (ackedSeq === this.ackedSeq) await this.#acked.wait(signal);
    }
    this.#appended.notify();
  }

  /** Counts an entry that was made and could not be appended. */
  discardEntry({ seq, timeMs }: Pick<E, "seq" | "timeMs">, items: number, reason: string): void {
    const ends = { fromSeq: seq, toSeq: seq, fromMs: timeMs, toMs: timeMs };
    this.#held.note((ledger) =>
      withDiscarded(ledger, { ...ends, reason, frames: 1, samples: items }),
    );
  }

  /** The oldest ranges of drops not yet reported, the same ones until they are, over restarts too. */
  droppedRanges(max: number): readonly DroppedRange[] {
    return this.#held.droppedRanges(max);
  }

  /** The reader has all up to this id. */
  rangesReported(upTo: number): void {
    this.#held.rangesReported(upTo);
  }

  /**
   * Entries after `afterSeq`, oldest first: at most `entriesMax`, at most `bytesMax` bytes unless the
   * first alone is larger. One that is damaged is left out, and counted. Empty when nothing is left
   * to read up to the `newestSeq` of the call.
   */
  async read(afterSeq: number, entriesMax: number, bytesMax: number): Promise<readonly E[]> {
    const ledger = this.#ledger;
    const { newestSeq, stretches } = ledger;
    const lastSeq = Math.max(afterSeq, (stretches[0]?.seq ?? newestSeq + 1) - 1);
    if (lastSeq >= newestSeq) return [];
    if (this.#newest?.seq === lastSeq + 1) {
      this.#handedOutSeq = Math.max(this.#handedOutSeq, this.#newest.seq);
      return [this.#newest];
    }
    const next = (seq: number) => seqAfter(ledger, seq);
    const span = { afterSeq: lastSeq, toSeq: newestSeq, entriesMax, bytesMax, next };
    const { entries, missing } = await readSpan(this.#deps.store, this.#content, span);
    this.#noteDamage(missing);
    this.#handedOutSeq = Math.max(this.#handedOutSeq, entries.at(-1)?.seq ?? 0);
    return entries;
  }

  /**
   * The reader has everything up to `seq`, except what it refused (`dropped`). A repeated ack does
   * nothing. When it rejects, the entries wait on and a later ack settles them.
   * @throws OperationalError PROTOCOL when there is no such entry, STORAGE when the disk fails
   */
  async ack(seq: number): Promise<void> {
    if (seq > this.newestSeq) {
      throw new OperationalError("PROTOCOL", `Ack of entry ${seq}, the last is ${this.newestSeq}`);
    }
    await this.#turns.run(async () => {
      if (seq <= this.ackedSeq) return;
      const settled = settlement(this.#ledger, seq, null);
      const count = countBelow(this.#ledger, seq);
      // After a crash the reader says an ack again, and perhaps not what it refused.
      const isNoted = count === 0 && settled.drops.length === 0;
      if (isNoted) this.#held.note((ledger) => withSettled(ledger, settled, 0));
      else await this.#settle(settled, count);
      this.#acked.notify();
    });
  }

  /** The entry will not be stored; it counts as dropped as soon as an ack covers it. */
  dropped(seq: number, reason: string): void {
    this.#held.note((ledger) => withRefused(ledger, seq, reason));
  }

  /**
   * Goes on under a new stream id. For when the reader holds entries of this stream that this queue
   * never sent: an older copy of its disk was put back, and what is made now under the same sequences
   * would pass for duplicates. Entries of processes before this one count as stored, and nothing that
   * is settled may be read again: the new stream would have it twice.
   */
  async renewStream(): Promise<void> {
    await this.#turns.run(async () => {
      const seq = Math.max(this.ackedSeq, Math.min(this.newestSeq, seqOf(this.epoch, 0)));
      const count = countWithin(this.#ledger, upTo(this.#ledger, seq).entries);
      await this.#settle(settlement(this.#ledger, seq, null), count);
      const streamId = newStreamId(this.#deps.random);
      const put = { type: "put", key: IDENTITY_KEY, value: encodeRecord(streamId) } as const;
      await this.#held.write((ledger) => ({ ...ledger, streamId }), [put], { sync: true });
    });
  }

  /** Resolves after the next entry is appended; rejects with the signal's reason. */
  async changed(signal: AbortSignal): Promise<void> {
    await this.#appended.wait(signal);
  }

  /** Writes what was noted. When it resolves nothing is being written; then the store may be closed. */
  async close(): Promise<void> {
    await this.#turns.run(async () => {
      await this.#disk.settled();
      if (!this.#held.hasNotes) return;
      try {
        await this.#held.write((ledger) => ledger, [], { sync: false });
      } catch (error) {
        this.#deps.logger.warn({ error: errorMessage(error) }, "the last acks were not written");
      }
    });
  }

  /** Null, or why there is no room for it. */
  async #tryAppend(entry: E, { items, operations }: Along): Promise<string | null> {
    const { seq, isStart, timeMs } = entry;
    const { entryBytesMax } = this.#content;
    assert(seq > this.newestSeq, "sequences ascend");
    assert(
      operations.every(({ key }) => key[0] === USER_KEY),
      "the other keys are the queue's",
    );
    const puts = [{ type: "put", key: entryKey(seq), value: entry.bytes } as const, ...operations];
    const bytes = puts.reduce((sum, put) => sum + (put.type === "put" ? put.value.length : 0), 0);
    if (entry.bytes.length > entryBytesMax || bytes > this.#limits.bytesMax) {
      throw new OperationalError("LIMIT", `Entry ${seq} of ${bytes} bytes is too large to queue`);
    }
    const refusal = await this.#makeRoom(bytes);
    if (refusal !== null) return refusal;
    const isNext = seq === this.newestSeq + 1 && this.#ledger.stretches.length > 0;
    if (!isNext && !(isStart && countOfSeq(seq) === 1)) {
      throw new OperationalError("STORAGE", `Entry ${seq} builds on one that is lost`);
    }
    if (isStart) puts.push(stretchPut({ seq, timeMs, before: this.#ledger.queued }));
    const added = { entries: 1, bytes, items };
    await this.#held.write((ledger) => withQueued(ledger, entry, added), puts, { sync: true });
    this.#newest = entry;
    return null;
  }

  /** Null, or why there is none for so many bytes. */
  async #makeRoom(bytes: number): Promise<"buffer_full" | "disk_low" | null> {
    const { bytesMax, ageMaxMs, whenFull } = this.#limits;
    const isBlocking = whenFull === "block";
    const over = countHolding(this.#ledger, bytesKept(this.#ledger) + bytes - bytesMax);
    const settled = countWithin(this.#ledger, this.#ledger.settledEntries);
    await this.#dropOldest(isBlocking ? Math.min(over, settled) : over, "buffer_full");
    // One at a time: a clock that is wrong for a moment must not empty the queue.
    const second = this.#ledger.stretches[1];
    const isOld = second !== undefined && second.timeMs < this.#deps.clock.nowMs() - ageMaxMs;
    if (isOld) await this.#dropOldest(1, "buffer_age");
    if (bytesKept(this.#ledger) + bytes > bytesMax) return "buffer_full";
    // A disk with little room left: as much of the backlog is shed as is lacking. What does not
    // wait goes on as long as the disk takes it.
    const lacking = await this.#disk.lackingBytes();
    const backlog = this.#ledger.stretches.length - 1;
    if (lacking === 0 || backlog < 1) return null;
    if (isBlocking) return waitingEntries(this.#ledger) > 0 ? "disk_low" : null;
    await this.#dropOldest(Math.min(countHolding(this.#ledger, lacking), backlog), "disk_low");
    this.#disk.compactNow();
    return null;
  }

  async #dropOldest(count: number, reason: string): Promise<void> {
    if (count === 0) return;
    const next = this.#ledger.stretches[count];
    const endSeq = next === undefined ? this.newestSeq : next.seq - 1;
    const settled = settlement(this.#ledger, Math.max(endSeq, this.ackedSeq), reason);
    await this.#settle(settled, count);
  }

  /** Writes the settlement, and removes the oldest `count` stretches. */
  async #settle(settled: Settlement, count: number): Promise<void> {
    const { store } = this.#deps;
    const timed = await this.#withTimes(settled);
    const gone = this.#ledger.stretches.slice(0, count);
    const bytesBefore = bytesKept(this.#ledger);
    const deletions = gone.map(({ seq }) => ({ type: "del", key: stretchKey(seq) }) as const);
    await this.#held.write((ledger) => withSettled(ledger, timed, count), deletions, {
      sync: false,
    });
    const first = gone[0];
    if (first === undefined) return;
    const endSeq = this.#ledger.stretches[0]?.seq ?? this.newestSeq + 1;
    await store.clear({ gte: entryKey(first.seq), lt: entryKey(endSeq) });
    await this.#content.forget(first.seq, endSeq);
    const keptBytes = bytesKept(this.#ledger);
    this.#disk.freed(bytesBefore - keptBytes, keptBytes, endSeq);
  }

  /** With the times of the entries themselves, where they can be read. */
  async #withTimes(settled: Settlement): Promise<Settlement> {
    const timeOf = async (seq: number) =>
      (await readEntry(this.#deps.store, this.#content, seq))?.timeMs;
    const drops = [];
    for (const drop of settled.drops) {
      const fromMs = (await timeOf(drop.fromSeq)) ?? drop.fromMs;
      const toMs = (await timeOf(drop.toSeq)) ?? drop.toMs;
      drops.push({ ...drop, fromMs, toMs });
    }
    return { ...settled, drops };
  }

  #noteDamage(missing: readonly number[]): void {
    const before = this.#ledger;
    for (const seq of missing) this.dropped(seq, DAMAGED);
    if (this.#ledger === before) return;
    const [seq] = missing;
    this.#deps.logger.error({ seq, entries: missing.length }, "entries of the queue are damaged");
  }
}
