import { strict as assert } from "node:assert";
import type { Accounts } from "../../shared/model/accounts.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import { type Drop, type DroppedRanges, NO_RANGES, withDrop } from "./dropped-ranges.ts";
import { type Layout, seqAfter, seqAt, type Totals, timeAfter, timeAt, upTo } from "./stretches.ts";

/** Entries that wait and will not be stored when their turn to be settled comes; ends inclusive. */
type Refusal = { readonly fromSeq: number; readonly toSeq: number; readonly reason: string };

/**
 * Where every entry is that was ever made for a queue, over all its restarts. An entry that was
 * queued waits until it is settled: stored at the reader's or dropped. Entries settle in order, all
 * up to `settledSeq`.
 *
 * Invariants: made = stored + waiting + dropped, with waiting = queued.entries - settledEntries;
 * settledSeq <= newestSeq <= the last sequence of `epoch`; every entry that waits lies in a stretch.
 */
export type Ledger = Layout & {
  /** 32 hex digits. */
  readonly streamId: string;
  /** The last epoch that was given out. */
  readonly epoch: number;
  /** The last entry that was queued; 0: none. */
  readonly newestSeq: number;
  readonly settledSeq: number;
  readonly settledEntries: number;
  readonly made: number;
  readonly stored: number;
  /** What was made and will not arrive, by reason. */
  readonly dropped: Accounts["dropped"];
  /** Where the drops lie that were not yet reported. */
  readonly ranges: DroppedRanges;
  /** In order, apart from each other. Not on the disk: the reader, or reading, finds them again. */
  readonly refused: readonly Refusal[];
};

const NOTHING: Totals = { entries: 0, bytes: 0, items: 0 };

export function newLedger(streamId: string): Ledger {
  return {
    streamId,
    epoch: 0,
    newestSeq: 0,
    settledSeq: 0,
    settledEntries: 0,
    queued: NOTHING,
    made: 0,
    stored: 0,
    dropped: [],
    ranges: NO_RANGES,
    stretches: [],
    refused: [],
  };
}

export function waitingEntries(ledger: Ledger): number {
  return ledger.queued.entries - ledger.settledEntries;
}

/** Bytes that were not removed, those included that are kept for a reader to begin at. */
export function bytesKept({ queued, stretches }: Ledger): number {
  return queued.bytes - (stretches[0]?.before ?? queued).bytes;
}

/** The ledger as others see it. */
export function accountsOf(ledger: Ledger): Accounts {
  const { made, stored, dropped, settledSeq } = ledger;
  return { made, stored, waiting: waitingEntries(ledger), dropped, settledSeq };
}

/** The entry `seq` was put in, and with it `added`, of which it is the last. */
export function withQueued(
  ledger: Ledger,
  { seq, timeMs, isStart }: { seq: number; timeMs: number; isStart: boolean },
  added: Totals,
): Ledger {
  assert(seq > ledger.newestSeq, "sequences ascend");
  const before = ledger.queued;
  return checked({
    ...ledger,
    // It may have been begun by another queue that gets the same entries.
    epoch: Math.max(ledger.epoch, epochOfSeq(seq)),
    newestSeq: seq,
    queued: {
      entries: before.entries + added.entries,
      bytes: before.bytes + added.bytes,
      items: before.items + added.items,
    },
    made: ledger.made + added.entries,
    stretches: isStart ? [...ledger.stretches, { seq, timeMs, before }] : ledger.stretches,
  });
}

/** Made and never queued. */
export function withDiscarded(ledger: Ledger, drop: Omit<Drop, "afterSeq">): Ledger {
  const made = ledger.made + drop.frames;
  return checked({ ...withDrops(ledger, [{ ...drop, afterSeq: ledger.newestSeq }]), made });
}

/** The entry will be dropped, not stored, when it is settled. The same ledger when that is known. */
export function withRefused(ledger: Ledger, seq: number, reason: string): Ledger {
  const { settledSeq, newestSeq, refused } = ledger;
  const isKnown = refused.some(({ fromSeq, toSeq }) => fromSeq <= seq && seq <= toSeq);
  if (seq <= settledSeq || seq > newestSeq || isKnown) return ledger;
  const last = refused.at(-1);
  if (last?.reason === reason && seqAfter(ledger, last.toSeq) === seq) {
    return { ...ledger, refused: [...refused.slice(0, -1), { ...last, toSeq: seq }] };
  }
  const all = [...refused, { fromSeq: seq, toSeq: seq, reason }];
  return { ...ledger, refused: all.sort((a, b) => a.fromSeq - b.fromSeq) };
}

export type Settlement = {
  /** Everything up to here is settled now. */
  readonly seq: number;
  /** Entries settled now that are stored. */
  readonly stored: number;
  readonly drops: readonly Drop[];
};

/**
 * What settling everything up to `seq` does: what was not refused is stored, or with a `reason`
 * dropped for it. Times are those of the stretches.
 */
export function settlement(ledger: Ledger, seq: number, reason: string | null): Settlement {
  const { settledSeq, settledEntries } = ledger;
  const end = upTo(ledger, seq);
  let entries = Math.max(0, end.entries - settledEntries);
  let items = end.items - upTo(ledger, settledSeq).items;
  const drops: Drop[] = [];
  const drop = (range: Refusal, frames: number, samples: number) => {
    const { fromSeq, toSeq } = range;
    const fromMs = timeAt(ledger, fromSeq);
    const before = seqAt(ledger, upTo(ledger, fromSeq - 1).entries);
    const afterSeq = Math.max(settledSeq, before);
    drops.push({ ...range, fromMs, toMs: timeAfter(ledger, toSeq), frames, samples, afterSeq });
    entries -= frames;
    items -= samples;
  };
  for (const range of ledger.refused) {
    const fromSeq = Math.max(range.fromSeq, settledSeq + 1);
    const toSeq = Math.min(range.toSeq, seq);
    if (fromSeq > toSeq) continue;
    const before = upTo(ledger, fromSeq - 1);
    const after = upTo(ledger, toSeq);
    const count = Math.min(entries, after.entries - before.entries);
    drop({ fromSeq, toSeq, reason: range.reason }, count, after.items - before.items);
  }
  if (reason === null || entries === 0) return { seq, stored: entries, drops };
  const fromSeq = Math.max(settledSeq + 1, seqAfter(ledger, settledSeq));
  drop({ fromSeq, toSeq: seq, reason }, entries, items);
  assert(entries === 0, "what is dropped is not stored");
  return { seq, stored: 0, drops };
}

/** Settled, and without the oldest `count` stretches. */
export function withSettled(ledger: Ledger, settled: Settlement, count: number): Ledger {
  const { seq, stored, drops } = settled;
  const dropped = drops.reduce((sum, { frames }) => sum + frames, 0);
  const next = checked({
    ...withDrops(ledger, drops),
    settledSeq: Math.max(ledger.settledSeq, seq),
    settledEntries: ledger.settledEntries + stored + dropped,
    stored: ledger.stored + stored,
    stretches: count === 0 ? ledger.stretches : ledger.stretches.slice(count),
    refused: ledger.refused.filter(({ toSeq }) => toSeq > seq),
  });
  const before = (next.stretches[0]?.before ?? next.queued).entries;
  assert(before <= next.settledEntries, "every entry that waits lies in a stretch");
  return next;
}

function withDrops(ledger: Ledger, drops: readonly Drop[]): Ledger {
  const byReason = new Map(ledger.dropped.map((entry) => [entry.reason, entry]));
  let { ranges } = ledger;
  for (const drop of drops) {
    const { reason, frames, samples } = drop;
    if (frames === 0) continue;
    const before = byReason.get(reason) ?? { frames: 0, samples: 0 };
    byReason.set(reason, {
      reason,
      frames: frames + before.frames,
      samples: samples + before.samples,
    });
    ranges = withDrop(ranges, drop);
  }
  return { ...ledger, dropped: [...byReason.values()], ranges };
}

function checked(ledger: Ledger): Ledger {
  const { made, stored, epoch, settledSeq, newestSeq } = ledger;
  const dropped = ledger.dropped.reduce((sum, { frames }) => sum + frames, 0);
  const waiting = waitingEntries(ledger);
  assert(waiting >= 0 && made === stored + waiting + dropped, "made = stored + waiting + dropped");
  assert(settledSeq <= newestSeq && epochOfSeq(newestSeq) <= epoch, "settled <= newest <= epoch");
  return ledger;
}
