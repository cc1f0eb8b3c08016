import { strict as assert } from "node:assert";
import { epochOfSeq } from "../../shared/wire/frame.ts";
import { type Drop, NO_RANGES, type RangeBook, withDrop } from "./dropped-ranges.ts";

/** How much was put in the queue since the buffer was made. */
export type Totals = {
  readonly frames: number;
  /** Frames and definitions as they are stored. */
  readonly bytes: number;
  readonly samples: number;
};

/** What was made and will not arrive, by reason. Samples are a mean where only a part is known. */
type Dropped = {
  readonly reason: string;
  readonly frames: number;
  readonly samples: number;
};

/**
 * The books of a buffer over all its restarts. A frame that was queued waits until it is settled:
 * stored at the aggregator or dropped. Frames settle in order, all up to `settledSeq`.
 * Invariant: made = stored + waiting + dropped, with waiting = queued.frames - settledFrames.
 */
export type Ledger = {
  /** 32 hex digits. */
  readonly streamId: string;
  /** The last epoch that was given out. */
  readonly epoch: number;
  /** The last frame that was queued; 0: none. */
  readonly newestSeq: number;
  readonly settledSeq: number;
  readonly settledFrames: number;
  readonly queued: Totals;
  readonly made: number;
  readonly stored: number;
  readonly dropped: readonly Dropped[];
  /** Where the drops lie that were not yet reported. */
  readonly ranges: RangeBook;
};

const NOTHING: Totals = { frames: 0, bytes: 0, samples: 0 };

export function newLedger(streamId: string): Ledger {
  return {
    streamId,
    epoch: 0,
    newestSeq: 0,
    settledSeq: 0,
    settledFrames: 0,
    queued: NOTHING,
    made: 0,
    stored: 0,
    dropped: [],
    ranges: NO_RANGES,
  };
}

export function waitingFrames(ledger: Ledger): number {
  return ledger.queued.frames - ledger.settledFrames;
}

/** The books as others see them. */
export function accountsOf(ledger: Ledger) {
  const { made, stored, dropped, settledSeq } = ledger;
  return { made, stored, waiting: waitingFrames(ledger), dropped, settledSeq };
}

export function withQueued(ledger: Ledger, seq: number, added: Totals): Ledger {
  const { frames, bytes, samples } = ledger.queued;
  const queued = {
    frames: frames + added.frames,
    bytes: bytes + added.bytes,
    samples: samples + added.samples,
  };
  // It may have been begun by another buffer that gets the same frames.
  const epoch = Math.max(ledger.epoch, epochOfSeq(seq));
  return checked({ ...ledger, epoch, newestSeq: seq, queued, made: ledger.made + added.frames });
}

/** Frames that were made and never queued. */
export function withDiscarded(ledger: Ledger, drop: Drop): Ledger {
  const made = ledger.made + drop.frames;
  return checked({ ...withDrops(ledger, [drop]), made });
}

export type Settlement = {
  /** Everything up to here is settled now. */
  readonly seq: number;
  /** Frames settled now that are stored. */
  readonly stored: number;
  readonly dropped: readonly Drop[];
};

export function withSettled(ledger: Ledger, settlement: Settlement): Ledger {
  const dropped = settlement.dropped.reduce((sum, { frames }) => sum + frames, 0);
  return checked({
    ...withDrops(ledger, settlement.dropped),
    settledSeq: Math.max(ledger.settledSeq, settlement.seq),
    settledFrames: ledger.settledFrames + settlement.stored + dropped,
    stored: ledger.stored + settlement.stored,
  });
}

function withDrops(ledger: Ledger, drops: readonly Drop[]): Ledger {
  const byReason = new Map(ledger.dropped.map((entry) => [entry.reason, entry]));
  let { ranges } = ledger;
  for (const drop of drops) {
    const { reason, frames, samples } = drop;
    if (frames === 0) continue;
    const before = byReason.get(reason);
    byReason.set(reason, {
      reason,
      frames: frames + (before?.frames ?? 0),
      samples: samples + (before?.samples ?? 0),
    });
    ranges = withDrop(ranges, drop);
  }
  return { ...ledger, dropped: [...byReason.values()], ranges };
}

function checked(ledger: Ledger): Ledger {
  assert(isBalanced(ledger), "made = stored + waiting + dropped");
  return ledger;
}

function isBalanced(ledger: Ledger): boolean {
  const dropped = ledger.dropped.reduce((sum, { frames }) => sum + frames, 0);
  const waiting = waitingFrames(ledger);
  return waiting >= 0 && ledger.made === ledger.stored + waiting + dropped;
}
