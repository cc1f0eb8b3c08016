import { OperationalError } from "../../shared/errors.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { seqOf } from "../../shared/model/sequence.ts";
import type { BatchOperation } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import {
  BLOCK_BYTES_MAX,
  BlockEncoder,
  type BlockLine,
  readBlockHeader,
} from "../../shared/wire/line-block.ts";
import { LineTable } from "../../shared/wire/line-table.ts";
import type { Content, QueueEntry } from "../queue/entries.ts";
import type { Ledger } from "../queue/ledger.ts";
import { ByteQueue, type QueueDeps, type QueueLimits } from "../queue/queue.ts";
import { BLOCK_WORDS, queueMetrics } from "../queue/queue-metrics.ts";
import { USER_KEY } from "../queue/records.ts";
import { recover } from "../queue/recovery.ts";

/** Lines, and where each is from: an array, or a `LineTable`, which is faster where they are many. */
type SourcedLines = Iterable<BlockLine & { readonly labels: Labels }> & {
  readonly length: number;
};

/** Up to where a source was read, as the reader of that source has it; null: forgotten. */
export type Cursor = { readonly key: string; readonly value: Uint8Array | null };

export type LineQueueDeps = Omit<QueueDeps, "show"> & { readonly metrics: Metrics };

/** Opens the queue in `store`, which stays the caller's to close. @throws OperationalError STORAGE */
export async function openLineQueue(deps: LineQueueDeps, limits: QueueLimits): Promise<LineQueue> {
  const { store, random, logger } = deps;
  const ledger = await recover(store, BLOCK_CONTENT, random, logger);
  return new LineQueue(deps, limits, ledger);
}

/**
 * A queue of blocks of log lines. Up to where the sources of a block were read is written in its
 * batch: after a crash either both are there or neither, so that no line is left out or comes twice.
 */
export class LineQueue extends ByteQueue<QueueEntry> {
  readonly #deps: LineQueueDeps;
  readonly #encoder = new BlockEncoder();
  #nextSeq: number;

  /** @internal Use `openLineQueue`. */
  constructor(deps: LineQueueDeps, limits: QueueLimits, ledger: Ledger) {
    super(
      { ...deps, show: queueMetrics(deps.metrics, BLOCK_WORDS) },
      BLOCK_CONTENT,
      limits,
      ledger,
    );
    this.#deps = deps;
    this.#nextSeq = seqOf(this.epoch, 1);
  }

  /**
   * Resolves when lines and cursors are durable. Calls come one after the other. When it rejects
   * nothing of it was written, and it may be called again with the same.
   * @throws OperationalError STORAGE when it cannot be written, LIMIT when the lines are too many
   */
  async append(
    lines: SourcedLines,
    cursors: readonly Cursor[],
    signal?: AbortSignal,
  ): Promise<void> {
    const seq = this.#nextSeq;
    const timeMs = this.#deps.clock.nowMs();
    const { sources } = lines instanceof LineTable ? lines : LineTable.of(lines);
    const bytes = this.#encoder.encode(seq, timeMs, sources);
    const operations = cursors.map(cursorOperation);
    const entry = { seq, timeMs, bytes, isStart: true };
    try {
      await this.appendEntry(entry, { items: lines.length, operations }, signal);
      this.#nextSeq = seq + 1;
    } catch (error) {
      // Whether a part of it is on the disk is not known: its sequence is not used again.
      this.#nextSeq = seqOf(this.nextEpoch(), 1);
      throw error;
    }
  }

  /** All cursors, by key. @throws OperationalError STORAGE */
  async cursors(): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    const range = { gte: Uint8Array.of(USER_KEY), lt: Uint8Array.of(USER_KEY + 1) };
    for await (const [key, value] of this.#deps.store.entries(range)) {
      found.set(Buffer.from(key.subarray(1)).toString(), value);
    }
    return found;
  }
}

const BLOCK_CONTENT: Content<QueueEntry> = {
  entryBytesMax: BLOCK_BYTES_MAX,
  parse: (bytes) => {
    try {
      const { seq, timeMs } = readBlockHeader(bytes);
      return { seq, timeMs, bytes, isStart: true };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return null;
    }
  },
  forget: async () => {}, // each block stands alone
};

function cursorOperation({ key, value }: Cursor): BatchOperation {
  const stored = Buffer.concat([Uint8Array.of(USER_KEY), Buffer.from(key)]);
  return value === null ? { type: "del", key: stored } : { type: "put", key: stored, value };
}
