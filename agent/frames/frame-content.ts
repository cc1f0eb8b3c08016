import { OperationalError } from "../../shared/errors.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { epochOfSeq, FRAME_BYTES_MAX } from "../../shared/wire/frame.ts";
import { readFrameHeader } from "../../shared/wire/frame-decoder.ts";
import type { Content, QueueEntry } from "../queue/entries.ts";
import { ALL_DEFINITIONS, definitionKey } from "./definitions.ts";

/** A frame as it waits. A keyframe is what a reader can begin with. */
export type QueuedFrame = QueueEntry & {
  /** Definitions of its epoch that a reader must have: ids below it. */
  readonly seriesCount: number;
};

/** Frames, and the definitions that go when no frame of their epoch is left. */
export function frameContent(store: KeyValueStore): Content<QueuedFrame> {
  return {
    entryBytesMax: FRAME_BYTES_MAX,
    parse: parseQueuedFrame,
    forget: async (fromSeq, oldestSeq) => {
      const epoch = epochOfSeq(oldestSeq);
      if (epoch === epochOfSeq(fromSeq)) return;
      await store.clear({ gte: ALL_DEFINITIONS.gte, lt: definitionKey(epoch, 0) });
    },
  };
}

function parseQueuedFrame(bytes: Uint8Array): QueuedFrame | null {
  try {
    const { seq, timeMs, isKeyframe, seriesCount } = readFrameHeader(bytes);
    return { seq, timeMs, bytes, isStart: isKeyframe, seriesCount };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return null;
  }
}
