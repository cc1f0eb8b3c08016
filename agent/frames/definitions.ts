import { OperationalError, systemCode } from "../../shared/errors.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { epochOfSeq } from "../../shared/wire/frame.ts";
import { readFrameHeader } from "../../shared/wire/frame-decoder.ts";
import type { Drop } from "../queue/dropped-ranges.ts";
import { ALL_DEFINITIONS, decodeDefinition, definitionKey, frameKey } from "../queue/records.ts";

export type BufferedFrame = {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly bytes: Uint8Array;
  /** Definitions of its epoch that a reader must have: ids below it. */
  readonly seriesCount: number;
};

/** A frame as it lies in the store; null when it is damaged or another one. */
export function storedFrame(seq: number, bytes: Uint8Array): BufferedFrame | null {
  try {
    const header = readFrameHeader(bytes);
    const { timeMs, seriesCount } = header;
    return header.seq === seq ? { seq, timeMs, bytes, seriesCount } : null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return null;
  }
}

/** With the times of the frames themselves, where they can be read. */
export async function timedDrops(store: KeyValueStore, drops: readonly Drop[]): Promise<Drop[]> {
  const timed: Drop[] = [];
  for (const drop of drops) {
    const fromMs = (await frameTime(store, drop.fromSeq)) ?? drop.fromMs;
    const toMs = (await frameTime(store, drop.toSeq)) ?? drop.toMs;
    timed.push({ ...drop, fromMs, toMs });
  }
  return timed;
}

/** When the tick of a frame was; null when the frame cannot be read. */
async function frameTime(store: KeyValueStore, seq: number): Promise<number | null> {
  const bytes = await ifReadable(() => store.get(frameKey(seq)));
  if (bytes === undefined) return null;
  try {
    const header = readFrameHeader(bytes);
    return header.seq === seq ? header.timeMs : null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return null;
  }
}

/** Undefined when what is to be read lies in a damaged part of the store. */
export async function ifReadable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (systemCode(error.cause) !== "LEVEL_CORRUPTION") throw error;
    return undefined;
  }
}

/** Definitions of ids from `fromId` to before `toId`, as far as they are there and whole. */
export async function readDefinitions(
  store: KeyValueStore,
  epoch: number,
  fromId: number,
  toId: number,
): Promise<SeriesDefinition[]> {
  const definitions: SeriesDefinition[] = [];
  const range = { gte: definitionKey(epoch, fromId), lt: definitionKey(epoch, toId) };
  try {
    await ifReadable(async () => {
      for await (const [key, value] of store.entries(range)) {
        const id = fromId + definitions.length;
        if (Buffer.compare(key, definitionKey(epoch, id)) !== 0) return;
        definitions.push(decodeDefinition(id, value));
      }
    });
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
  }
  return definitions;
}

/** Removes the frames from `fromSeq` to before `endSeq`, and definitions older than `oldestEpoch`. */
export async function removeFrames(
  store: KeyValueStore,
  fromSeq: number,
  endSeq: number,
  oldestEpoch: number,
): Promise<void> {
  await store.clear({ gte: frameKey(fromSeq), lt: frameKey(endSeq) });
  if (oldestEpoch === epochOfSeq(fromSeq)) return;
  await store.clear({ ...ALL_DEFINITIONS, lt: definitionKey(oldestEpoch, 0) });
}
