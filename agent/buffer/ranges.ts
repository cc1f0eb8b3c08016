import { OperationalError } from "../../shared/errors.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { epochOfSeq, seqOf } from "../../shared/wire/frame.ts";
import { readFrameHeader } from "../../shared/wire/frame-decoder.ts";
import { ALL_DEFINITIONS, decodeDefinition, definitionKey, frameKey, seqOfKey } from "./records.ts";

export type BufferedFrame = {
  readonly seq: number;
  readonly bytes: Uint8Array;
  /** Definitions of its epoch that a reader must have: ids below it. */
  readonly seriesCount: number;
};

/** A frame as it lies in the store; null when it is damaged or another one. */
export function storedFrame(seq: number, bytes: Uint8Array): BufferedFrame | null {
  try {
    const header = readFrameHeader(bytes);
    return header.seq === seq ? { seq, bytes, seriesCount: header.seriesCount } : null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return null;
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
    for await (const [key, value] of store.entries(range)) {
      const id = fromId + definitions.length;
      if (seqOfKey(key) !== seqOf(epoch, id)) break;
      definitions.push(decodeDefinition(id, value));
    }
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
