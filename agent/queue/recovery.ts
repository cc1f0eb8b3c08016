import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import type { BatchOperation, KeyValueStore, Logger, Random } from "../../shared/platform/ports.ts";
import { allEntries, type Content, type QueueEntry } from "./entries.ts";
import { type Ledger, newLedger, settlement, withQueued, withSettled } from "./ledger.ts";
import {
  ALL_ENTRIES,
  ALL_STRETCHES,
  decodeLedger,
  decodeRanges,
  decodeRecord,
  decodeStretch,
  encodeLedger,
  encodeRecord,
  entryKey,
  IDENTITY_KEY,
  LEDGER_KEY,
  RANGES_KEY,
  seqOfKey,
  stretchKey,
  stretchPut,
} from "./records.ts";
import type { Stretch } from "./stretches.ts";

/** Why entries are missing that were queued: the disk lost or changed them. */
export const DAMAGED = "damaged";
/** More than there can be dropped ranges in one epoch. */
const RANGES_PER_EPOCH = 2 ** 20;

/**
 * Reads what an earlier process left, begins a new epoch and removes what a crash left half done.
 * Of a store that is whole it reads the ledger, the stretches and the last key, never the entries.
 * @throws OperationalError STORAGE when the store cannot be read or written
 */
export async function recover<E extends QueueEntry>(
  store: KeyValueStore,
  content: Content<E>,
  random: Random,
  logger: Logger,
): Promise<Ledger> {
  const found = await readLedger(store, logger);
  const decodeName = (value: Uint8Array) => decodeRecord<string>(value, "stream id of the queue");
  const name = found?.streamId ?? (await readRecord(store, IDENTITY_KEY, decodeName, logger));
  // Without a ledger the stretches are of no use: their totals are those of the one that is lost.
  if (found === null) await store.clear(ALL_STRETCHES);
  const known = found ?? newLedger(name ?? newStreamId(random));
  const before = { ...known, stretches: await readStretches(store, known, logger) };
  const rolled = await rollForward(store, content, before);
  const isBehind = rolled !== before;
  if (isBehind) {
    const entries = rolled.queued.entries - before.queued.entries;
    logger.error({ entries }, "the queue had entries that its ledger did not know");
  }
  const ledger = withGoneSettled(rolled, isBehind, logger);
  return await begin(store, content, name === null ? withAllDamaged(ledger, logger) : ledger);
}

export function newStreamId(random: Random): string {
  const words = Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32));
  return words.map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** Without the ranges the ledger still says how much was dropped, and why. */
async function readLedger(store: KeyValueStore, logger: Logger): Promise<Ledger | null> {
  const ledger = await readRecord(store, LEDGER_KEY, decodeLedger, logger);
  if (ledger === null) return null;
  const { lastId } = ledger.ranges;
  const decode = (value: Uint8Array) => decodeRanges(value, lastId);
  const ranges = await readRecord(store, RANGES_KEY, decode, logger);
  return ranges === null ? ledger : { ...ledger, ranges };
}

/** Null when it is missing or damaged. */
async function readRecord<T>(
  store: KeyValueStore,
  key: Uint8Array,
  decode: (value: Uint8Array) => T,
  logger: Logger,
): Promise<T | null> {
  const value = await store.get(key);
  return value === undefined ? null : ifWhole(() => decode(value), logger);
}

function ifWhole<T>(decode: () => T, logger: Logger): T | null {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
    logger.error({ error: errorMessage(error) }, "a record of the queue is damaged");
    return null;
  }
}

/** Where one is damaged the entries stay readable: they count as part of the stretch before. */
async function readStretches(
  store: KeyValueStore,
  { newestSeq, queued }: Ledger,
  logger: Logger,
): Promise<readonly Stretch[]> {
  const stretches: Stretch[] = [];
  for await (const [key, value] of store.entries(ALL_STRETCHES)) {
    const seq = seqOfKey(key);
    if (seq === null || seq > newestSeq) continue;
    const stretch = ifWhole(() => decodeStretch(seq, value), logger);
    if (stretch === null || !fits(stretch, stretches.at(-1), queued.entries)) continue;
    stretches.push(stretch);
  }
  return stretches;
}

/** Whether the stretch can come after that one in a queue of so many entries. */
function fits({ before }: Stretch, last: Stretch | undefined, entries: number): boolean {
  return before.entries > (last?.before.entries ?? -1) && before.entries < entries;
}

/**
 * The ledger with the entries that lie after its last one: a repair may have lost the newest ledger
 * and brought back an older one. They are sent again under their sequences, so that the reader knows
 * those it has. Where it is of an epoch that is not known here either, it says so and the stream is
 * renewed. The same ledger where there are none.
 */
async function rollForward<E extends QueueEntry>(
  store: KeyValueStore,
  content: Content<E>,
  found: Ledger,
): Promise<Ledger> {
  if ((await lastSeq(store)) <= found.newestSeq) return found;
  let ledger = found;
  for await (const { entry } of allEntries(store, content, found.newestSeq)) {
    if (entry === null || entry.seq <= ledger.newestSeq) continue;
    const { seq, timeMs, isStart, bytes } = entry;
    const { newestSeq, queued } = ledger;
    const isSameEpoch = queued.entries > 0 && epochOfSeq(seq) === epochOfSeq(newestSeq);
    if (!isSameEpoch && !isStart) continue; // nothing it builds on is there
    // What is missing between two entries of an epoch was queued as well.
    const entries = isSameEpoch ? seq - newestSeq - 1 : 0;
    if (entries > 0) {
      const last = { seq: seq - 1, timeMs, isStart: false };
      ledger = withQueued(ledger, last, { entries, bytes: 0, items: 0 });
    }
    const added = { entries: 1, bytes: bytes.length, items: 0 };
    ledger = withQueued(ledger, { seq, timeMs, isStart }, added);
  }
  const rolled = ledger.stretches.slice(found.stretches.length).map(stretchPut);
  await store.batch(rolled, { sync: false });
  const lastId = Math.max(ledger.ranges.lastId, ledger.epoch * RANGES_PER_EPOCH);
  return { ...ledger, ranges: { ...ledger.ranges, lastId } };
}

async function lastSeq(store: KeyValueStore): Promise<number> {
  for await (const [key] of store.entries({ ...ALL_ENTRIES, reverse: true, limit: 1 })) {
    return seqOfKey(key) ?? Number.MAX_SAFE_INTEGER; // a damaged key: look
  }
  return 0;
}

/**
 * Entries that should wait and are not there: damaged; or, where the ledger had been an older one,
 * gone because they were stored.
 */
function withGoneSettled(ledger: Ledger, isBehind: boolean, logger: Logger): Ledger {
  const first = ledger.stretches[0];
  const entries = (first?.before ?? ledger.queued).entries - ledger.settledEntries;
  if (entries <= 0) return ledger;
  logger.error({ entries, isBehind }, "the queue lacks entries that waited");
  const toSeq = first === undefined ? ledger.newestSeq : first.seq - 1;
  return withSettled(ledger, settlement(ledger, toSeq, isBehind ? null : DAMAGED), 0);
}

/** Entries of a stream whose name is lost: sent under another they might be stored twice. */
function withAllDamaged(ledger: Ledger, logger: Logger): Ledger {
  const { newestSeq, stretches, queued } = ledger;
  if (queued.entries === 0) return ledger; // a new store
  logger.error({ entries: queued.entries }, "the queue's entries cannot be used without its name");
  return withSettled(ledger, settlement(ledger, newestSeq, DAMAGED), stretches.length);
}

/** Removes what does not count, and makes the next epoch durable. */
async function begin<E extends QueueEntry>(
  store: KeyValueStore,
  content: Content<E>,
  settled: Ledger,
): Promise<Ledger> {
  const ledger = { ...settled, epoch: settled.epoch + 1 };
  const { newestSeq, stretches } = ledger;
  const oldestSeq = stretches[0]?.seq ?? newestSeq + 1;
  await store.clear({ gte: ALL_ENTRIES.gte, lt: entryKey(oldestSeq) });
  await store.clear({ gt: entryKey(newestSeq), lt: ALL_ENTRIES.lt });
  await store.clear({ gte: ALL_STRETCHES.gte, lt: stretchKey(oldestSeq) });
  await store.clear({ gt: stretchKey(newestSeq), lt: ALL_STRETCHES.lt });
  await content.forget(0, oldestSeq);
  const puts: BatchOperation[] = [
    { type: "put", key: LEDGER_KEY, value: encodeLedger(ledger) },
    { type: "put", key: RANGES_KEY, value: encodeRecord(ledger.ranges.ranges) },
    { type: "put", key: IDENTITY_KEY, value: encodeRecord(ledger.streamId) },
  ];
  await store.batch(puts, { sync: true });
  return ledger;
}
