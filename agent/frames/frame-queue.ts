import { OperationalError } from "../../shared/errors.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { FRAME_BYTES_MAX } from "../../shared/wire/frame.ts";
import { readFrameHeader } from "../../shared/wire/frame-decoder.ts";
import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";
import type { Content, QueueEntry } from "../queue/entries.ts";
import type { Ledger } from "../queue/ledger.ts";
import { ByteQueue, type QueueDeps, type QueueLimits } from "../queue/queue.ts";
import { FRAME_WORDS, queueMetrics } from "../queue/queue-metrics.ts";
import { recover } from "../queue/recovery.ts";
import { ALL_DEFINITIONS, definitionKey, definitionPut, readDefinitions } from "./definitions.ts";

/** A frame as it waits. A keyframe is what a reader can begin with. */
export type QueuedFrame = QueueEntry & {
  /** Definitions of its epoch that a reader must have: ids below it. */
  readonly seriesCount: number;
};

export type FrameQueueDeps = Omit<QueueDeps, "show"> & { readonly metrics: Metrics };

/** Opens the queue in `store`, which stays the caller's to close. @throws OperationalError STORAGE */
export async function openFrameQueue(
  deps: FrameQueueDeps,
  limits: QueueLimits,
): Promise<FrameQueue> {
  const { store, random, logger } = deps;
  const ledger = await recover(store, frameContent(store), random, logger);
  return new FrameQueue(deps, limits, ledger);
}

/** A queue of frames, with the definitions of their series in the same store. */
export class FrameQueue extends ByteQueue<QueuedFrame> {
  readonly #deps: FrameQueueDeps;
  /** An epoch of which a definition is damaged: nothing more may build on it. */
  #damagedEpoch = 0;

  /** @internal Use `openFrameQueue`. */
  constructor(deps: FrameQueueDeps, limits: QueueLimits, ledger: Ledger) {
    const show = queueMetrics(deps.metrics, FRAME_WORDS);
    super({ ...deps, show }, frameContent(deps.store), limits, ledger);
    this.#deps = deps;
  }

  /** As `appendEntry`, with the definitions that the frame is the first to need. */
  async append(frame: EncodedFrame, signal?: AbortSignal): Promise<void> {
    const { seq, timeMs, bytes, isKeyframe, seriesCount, sampleCount } = frame;
    const epoch = epochOfSeq(seq);
    if (epoch === this.#damagedEpoch) {
      throw new OperationalError("STORAGE", `Frame ${seq} needs a definition that is damaged`);
    }
    const operations = frame.definitions.map((definition) => definitionPut(epoch, definition));
    const entry = { seq, timeMs, bytes, isStart: isKeyframe, seriesCount };
    await this.appendEntry(entry, { items: sampleCount, operations }, signal);
  }

  /** Counts a frame that was made and could not be appended. */
  discard(frame: EncodedFrame, reason: string): void {
    this.discardEntry(frame, frame.sampleCount, reason);
  }

  /** Definitions of ids from `fromId` to before `toId`; fewer when the next one is damaged. */
  async definitions(epoch: number, fromId: number, toId: number): Promise<SeriesDefinition[]> {
    const definitions = await readDefinitions(this.#deps.store, epoch, fromId, toId);
    const id = fromId + definitions.length;
    if (id < toId && this.#damagedEpoch !== epoch) {
      this.#deps.logger.error({ epoch, id }, "a series definition in the buffer is damaged");
      this.#damagedEpoch = epoch;
    }
    return definitions;
  }
}

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
