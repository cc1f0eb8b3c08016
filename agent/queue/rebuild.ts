import { OperationalError } from "../../shared/errors.ts";
import type { BatchOperation, KeyValueStore } from "../../shared/platform/ports.ts";
import { epochOfSeq } from "../../shared/wire/frame.ts";
import { type FrameHeader, readFrameHeader } from "../../shared/wire/frame-decoder.ts";
import { type Ledger, newLedger, withQueued } from "./ledger.ts";
import {
  ALL_FRAMES,
  ALL_STRETCHES,
  decodeIdentity,
  frameKey,
  IDENTITY_KEY,
  seqOfFrameKey,
  stretchPut,
} from "./records.ts";

/** More than there can be dropped ranges in one epoch. */
const RANGES_PER_EPOCH = 2 ** 20;

/**
 * A ledger that knows of nothing yet, for the stream whose ledger is damaged; null where its name
 * is lost too. `rollForward` adds the frames. What was stored or dropped is forgotten.
 */
export async function blankLedger(store: KeyValueStore): Promise<Ledger | null> {
  const value = await store.get(IDENTITY_KEY);
  if (value === undefined) return null;
  try {
    const ledger = newLedger(decodeIdentity(value));
    await store.clear(ALL_STRETCHES); // their totals are of the books that are lost
    return ledger;
  } catch (error) {
    if (error instanceof OperationalError && error.code === "PARSE") return null;
    throw error;
  }
}

/**
 * The ledger with the frames that lie after its last one: a repair may have lost the newest ledger
 * and brought back an older one. The frames are sent again under their sequences, so that the
 * aggregator knows those it has. Where it is of an epoch that is not known here either, it says so
 * and the stream is renewed.
 */
export async function rollForward(store: KeyValueStore, found: Ledger): Promise<Ledger> {
  if ((await newestFrame(store)) <= found.newestSeq) return found;
  let ledger = found;
  const stretches: BatchOperation[] = [];
  for await (const [key, bytes] of store.entries({
    gt: frameKey(found.newestSeq),
    lt: ALL_FRAMES.lt,
  })) {
    const header = headerOf(key, bytes);
    if (header === null || header.seq <= ledger.newestSeq) continue;
    const { seq, timeMs, isKeyframe } = header;
    const isSameEpoch =
      ledger.queued.frames > 0 && epochOfSeq(seq) === epochOfSeq(ledger.newestSeq);
    if (!isSameEpoch && !isKeyframe) continue; // nothing it builds on is there
    // What is missing between two frames of an epoch was queued as well.
    const missing = isSameEpoch ? seq - ledger.newestSeq - 1 : 0;
    ledger = withQueued(ledger, seq - 1, { frames: missing, bytes: 0, samples: 0 });
    if (isKeyframe) stretches.push(stretchPut({ seq, timeMs, before: ledger.queued }));
    ledger = withQueued(ledger, seq, { frames: 1, bytes: bytes.length, samples: 0 });
  }
  await store.batch(stretches, { sync: false });
  const epoch = Math.max(ledger.epoch, epochOfSeq(ledger.newestSeq));
  const lastId = Math.max(ledger.ranges.lastId, epoch * RANGES_PER_EPOCH);
  return { ...ledger, epoch, ranges: { ...ledger.ranges, lastId } };
}

async function newestFrame(store: KeyValueStore): Promise<number> {
  for await (const [key] of store.entries({ ...ALL_FRAMES, reverse: true, limit: 1 })) {
    return seqOfFrameKey(key) ?? Number.MAX_SAFE_INTEGER; // a damaged key: look
  }
  return 0;
}

function headerOf(key: Uint8Array, bytes: Uint8Array): FrameHeader | null {
  try {
    const header = readFrameHeader(bytes);
    return header.seq === seqOfFrameKey(key) ? header : null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return null;
  }
}
