import { errorMessage } from "../../shared/errors.ts";
import type { KeyValueStore, Logger, Random } from "../../shared/platform/ports.ts";
import { epochOfSeq } from "../../shared/wire/frame.ts";
import type { RangeBook } from "./dropped-ranges.ts";
import { type Ledger, newLedger, withDiscarded, withSettled } from "./ledger.ts";
import { blankLedger, rollForward } from "./rebuild.ts";
import {
  ALL_DEFINITIONS,
  ALL_FRAMES,
  ALL_STRETCHES,
  decodeLedger,
  decodeRanges,
  decodeStretch,
  definitionKey,
  encodeIdentity,
  encodeLedger,
  encodeRanges,
  frameKey,
  IDENTITY_KEY,
  LEDGER_KEY,
  RANGES_KEY,
  seqOfKey,
  stretchKey,
} from "./records.ts";
import { type Stretch, Stretches } from "./stretches.ts";

/** Why frames are missing that were queued: the disk lost or changed them. */
export const DAMAGED = "damaged";

export type Recovered = { readonly ledger: Ledger; readonly stretches: Stretches };

/**
 * Reads what an earlier process left, begins a new epoch and removes what a crash left half done.
 * Reads the ledger and one entry a keyframe, never the frames.
 * @throws OperationalError STORAGE when the store cannot be read or written
 */
export async function recover(
  store: KeyValueStore,
  random: Random,
  logger: Logger,
): Promise<Recovered> {
  const ledger =
    (await readLedger(store, logger)) ??
    (await blankLedger(store)) ??
    (await startOver(store, random, logger));
  const found = await rollForward(store, ledger);
  const isBehind = found !== ledger;
  if (isBehind) {
    const frames = found.queued.frames - ledger.queued.frames;
    logger.error({ frames }, "the buffer had frames that its ledger did not know");
  }
  const stretches = await readStretches(store, found, logger);
  await removeGarbage(store, found, stretches);
  const gone = (stretches.at(0)?.before.frames ?? found.queued.frames) - found.settledFrames;
  if (gone > 0) logger.error({ frames: gone, isBehind }, "the buffer lacks frames that waited");
  return await begin(store, settleGone(found, stretches, gone, isBehind), stretches);
}

/** Makes the next epoch durable. */
async function begin(
  store: KeyValueStore,
  settled: Ledger,
  stretches: Stretches,
): Promise<Recovered> {
  const ledger = { ...settled, epoch: settled.epoch + 1 };
  await store.batch(
    [
      { type: "put", key: LEDGER_KEY, value: encodeLedger(ledger) },
      { type: "put", key: RANGES_KEY, value: encodeRanges(ledger.ranges) },
      { type: "put", key: IDENTITY_KEY, value: encodeIdentity(ledger.streamId) },
    ],
    { sync: true },
  );
  return { ledger, stretches };
}

async function readLedger(store: KeyValueStore, logger: Logger): Promise<Ledger | null> {
  const value = await store.get(LEDGER_KEY);
  if (value === undefined) return null;
  let ledger: Ledger;
  try {
    ledger = decodeLedger(value);
  } catch (error) {
    logger.error({ error: errorMessage(error) }, "the buffer's ledger is damaged");
    return null;
  }
  return { ...ledger, ranges: await readRanges(store, ledger.ranges, logger) };
}

/** Without them the ledger still says how much was dropped, and why. */
async function readRanges(
  store: KeyValueStore,
  none: RangeBook,
  logger: Logger,
): Promise<RangeBook> {
  const value = await store.get(RANGES_KEY);
  if (value === undefined) return none;
  try {
    return decodeRanges(value, none.lastId);
  } catch (error) {
    logger.error({ error: errorMessage(error) }, "the buffer's dropped ranges are damaged");
    return none;
  }
}

/**
 * A buffer without a ledger: new, or it lost it. Frames that are still there belong to a stream
 * whose name is lost; sent under another they might be stored twice.
 */
async function startOver(store: KeyValueStore, random: Random, logger: Logger): Promise<Ledger> {
  let frames = 0;
  let fromSeq = 0;
  let toSeq = 0;
  for await (const [key] of store.entries(ALL_FRAMES)) {
    toSeq = seqOfKey(key);
    if (frames === 0) fromSeq = toSeq;
    frames += 1;
  }
  const ledger = newLedger(newStreamId(random));
  if (frames === 0) return ledger;
  logger.error({ frames }, "the buffer's frames cannot be used without its ledger");
  await store.clear(ALL_FRAMES);
  const place = { fromSeq, toSeq, fromMs: 0, toMs: 0, afterSeq: 0 };
  return withDiscarded(ledger, { reason: DAMAGED, frames, samples: 0, ...place });
}

export function newStreamId(random: Random): string {
  const words = Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32));
  return words.map((word) => word.toString(16).padStart(8, "0")).join("");
}

async function readStretches(
  store: KeyValueStore,
  ledger: Ledger,
  logger: Logger,
): Promise<Stretches> {
  const stretches: Stretch[] = [];
  let frames = 0;
  for await (const [key, value] of store.entries(ALL_STRETCHES)) {
    const seq = seqOfKey(key);
    if (seq > ledger.newestSeq) break;
    try {
      const stretch = decodeStretch(seq, value);
      if (stretch.before.frames < frames || stretch.before.frames >= ledger.queued.frames) continue;
      frames = stretch.before.frames;
      stretches.push(stretch);
    } catch (error) {
      // The frames stay readable: they count as part of the stretch before.
      logger.error({ seq, error: errorMessage(error) }, "a stretch of the buffer is damaged");
    }
  }
  return new Stretches(stretches);
}

async function removeGarbage(
  store: KeyValueStore,
  ledger: Ledger,
  stretches: Stretches,
): Promise<void> {
  const oldestSeq = stretches.at(0)?.seq ?? ledger.newestSeq;
  await store.clear({ ...ALL_FRAMES, lt: frameKey(oldestSeq) });
  await removeAfter(store, ledger.newestSeq);
  const oldestEpoch = epochOfSeq(oldestSeq);
  await store.clear({ ...ALL_DEFINITIONS, lt: definitionKey(oldestEpoch, 0) });
}

/** Removes what a write that failed may have left after the last frame that counts. */
export async function removeAfter(store: KeyValueStore, seq: number): Promise<void> {
  await store.clear({ gt: frameKey(seq), lt: ALL_FRAMES.lt });
  await store.clear({ gt: stretchKey(seq), lt: ALL_STRETCHES.lt });
}

/**
 * Frames that should wait and are not there: damaged; or, where the ledger had been an older one,
 * gone because they were stored.
 */
function settleGone(
  ledger: Ledger,
  stretches: Stretches,
  frames: number,
  isBehind: boolean,
): Ledger {
  if (frames <= 0) return ledger;
  const first = stretches.at(0);
  const toSeq = first === undefined ? ledger.newestSeq : first.seq - 1;
  const place = { fromSeq: ledger.settledSeq + 1, toSeq, fromMs: 0, toMs: first?.timeMs ?? 0 };
  const drop = { reason: DAMAGED, frames, samples: 0, ...place, afterSeq: ledger.settledSeq };
  const settlement = isBehind ? { stored: frames, dropped: [] } : { stored: 0, dropped: [drop] };
  return withSettled(ledger, { seq: toSeq, ...settlement });
}
