import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, withLabel } from "../../shared/model/labels.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import { type BatchOperation, put } from "../../shared/platform/ports.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import {
  type BlockColumns,
  type LineBlock,
  parseColumns,
  readBlockHeader,
} from "../../shared/wire/line-block.ts";
import { GroupCommit } from "../commit/group-commit.ts";
import type { CommitItem, CommitOutcome, StreamPosition } from "../model/commit.ts";
import {
  ALL_STREAMS,
  blockKey,
  decodeStream,
  encodeStream,
  encodeSummary,
  readStreamKey,
  streamKey,
  summaryKey,
} from "./records.ts";
import type { BlockRows } from "./store/block-rows.ts";
import { Compactor } from "./store/compactor.ts";
import { DamageKeeper } from "./store/damage.ts";
import type { LogRetention } from "./store/expiry-plan.ts";
import { HotBlocks } from "./store/hot-blocks.ts";
import { PackedBlocks } from "./store/packed-blocks.ts";
import type { StoreParts } from "./store/parts.ts";
import { Retention } from "./store/retention.ts";
import { ALONE, type Work } from "./store/section.ts";
import { type PackedLines, type Stream, Streams } from "./store/streams.ts";
import { verifyLines } from "./store/verify.ts";
import { type LineStream, type StoredBlock, storedSource } from "./stored-block.ts";

/** How long a commit waits for company. */
const COMMIT_DELAY_MS = 3;
/** Compressed: what is acked and seen together, some 20 MB of lines. */
const COMMIT_BYTES_MAX = 2 * 1024 ** 2;
/** The node's name as a label. */
const INSTANCE = "instance";
/** Sequences that were left out are counted up to the start of the epoch they are missing in. */
const NEVER_SEEN = { lastSeq: 0, blocksStored: 0 };

export type LineLogOptions = {
  /** Blocks stay as their agents sent them until they are as old as this. */
  readonly packAfterMs: number;
  /** When they take more, the older ones are packed, until they take half as much. */
  readonly hotBytesMax: number;
  /** What a query may still read is kept so long after it was packed. */
  readonly readMaxMs: number;
  /** Lines of further streams go into one for each node. */
  readonly streamsMax: number;
  readonly retention: LogRetention;
  readonly work: Work;
  readonly watch: LineWatch | null;
};

const DAY_MS = 86_400_000;

export const DEFAULT_LINE_LOG_OPTIONS: LineLogOptions = {
  packAfterMs: 300_000,
  hotBytesMax: 256 * 1024 ** 2,
  readMaxMs: 180_000,
  streamsMax: 100_000,
  retention: { ageMs: 15 * DAY_MS, bytesMax: Number.POSITIVE_INFINITY, streams: [] },
  work: ALONE,
  watch: null,
};

/** Sees each line once, when it is stored. */
export type LineWatch = {
  /** A block that is new; what is returned is written with it, all or nothing. */
  observe(node: string, block: BlockColumns): readonly BatchOperation[];
  /** Whether the blocks since the last call were written. */
  settled(isWritten: boolean): void;
};

/**
 * Opens the log lines of a store and finds what is in it. The store is closed with it.
 * @throws OperationalError STORAGE when the store cannot be read
 */
export async function openLineLog(
  deps: StoredPartDeps,
  options: LineLogOptions = DEFAULT_LINE_LOG_OPTIONS,
): Promise<LineLog> {
  const log = new LineLog(deps, options);
  await log.recover();
  return log;
}

/**
 * All log lines (docs/log-store.md): recent blocks as the agents sent them, older ones packed. A
 * batch is decided on, written and synced, and only then seen: nothing is visible that is not safe.
 * Of a stream each sequence is taken once.
 */
export class LineLog {
  readonly #deps: StoredPartDeps;
  readonly #options: LineLogOptions;
  readonly #commits: GroupCommit;
  readonly #turns = new SerialQueue();
  readonly #parts: StoreParts;
  readonly #compactor: Compactor;
  readonly #retention: Retention;
  readonly #streams = new Map<string, LineStream>();
  readonly #stored = new ChangeSignal();
  readonly #upkeep = new SerialQueue();
  #nextNumber = 1;

  constructor(deps: StoredPartDeps, options: LineLogOptions = DEFAULT_LINE_LOG_OPTIONS) {
    const { store, clock, logger, metrics } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#commits = new GroupCommit(
      {
        clock,
        logger,
        metrics: metrics.labelled({ store: "logs" }),
        write: (items) => this.#turns.run(() => this.#write(items)),
      },
      { delayMs: COMMIT_DELAY_MS, bytesMax: COMMIT_BYTES_MAX },
    );
    const streams = new Streams(options.streamsMax);
    const damage = new DamageKeeper(store, logger, metrics);
    const hot = new HotBlocks(deps, streams, damage);
    const packed = new PackedBlocks(store, streams, damage);
    this.#parts = { ...deps, turns: this.#turns, streams, hot, packed };
    this.#compactor = new Compactor(this.#parts, options.work);
    this.#retention = new Retention(this.#parts, options.retention);
  }

  /** Once, before anything else. */
  async recover(): Promise<void> {
    const { store, logger } = this.#deps;
    const byNumber = new Map<number, LineStream>();
    for await (const [key, value] of store.entries(ALL_STREAMS)) {
      const number = readStreamKey(key);
      this.#nextNumber = Math.max(this.#nextNumber, number + 1);
      const record = decodeStream(value);
      if (record === null) {
        logger.error({ stream: number }, "a stream of log lines is damaged: it begins anew");
        continue;
      }
      const stream = { number, ...record };
      byNumber.set(number, stream);
      this.#streams.set(keyOf(record.node, record.streamId), stream);
    }
    await this.#parts.packed.load();
    await this.#parts.hot.load(byNumber);
  }

  position(node: string, streamId: string): StreamPosition {
    const { lastSeq, blocksStored } = this.#streams.get(keyOf(node, streamId)) ?? NEVER_SEEN;
    return { lastSeq, epoch: 0, seriesKnown: 0, framesStored: blocksStored, refused: [] };
  }

  /** Takes what can be taken, in order. @throws OperationalError as GroupCommit.commit */
  commit(items: readonly CommitItem[], owner: object): Promise<readonly CommitOutcome[]> {
    return this.#commits.commit(items, owner);
  }

  withdraw(owner: object): void {
    this.#commits.withdraw(owner);
  }

  room(): Promise<void> {
    return this.#commits.room();
  }

  load(): number {
    return this.#commits.load();
  }

  /** Blocks that are not packed yet, in the order in which they were stored. */
  get blocks(): readonly StoredBlock[] {
    return this.#parts.hot.all();
  }

  /** How many were stored since the start, those included that are gone by now. */
  get storedCount(): number {
    return this.#parts.hot.storedCount;
  }

  /** As HotBlocks.storedSince. */
  storedSince(count: number): readonly StoredBlock[] {
    return this.#parts.hot.storedSince(count);
  }

  /** The log streams, for `LineSource`. */
  get streams(): Streams {
    return this.#parts.streams;
  }

  /** As HotBlocks.read. */
  read(block: StoredBlock): Promise<LineBlock | null> {
    return this.#parts.hot.read(block);
  }

  /** As PackedBlocks.open. */
  openPacked(
    stream: Stream,
    block: PackedLines,
    needles: readonly string[],
  ): Promise<BlockRows | null> {
    return this.#parts.packed.open(stream, block, needles);
  }

  /** Resolves after the next blocks are stored; rejects with the signal's reason. */
  async changed(signal: AbortSignal): Promise<void> {
    await this.#stored.wait(signal);
  }

  /** Packs all blocks that are old enough, and small ones together. @throws OperationalError STORAGE */
  async compactAll(signal: AbortSignal): Promise<void> {
    await this.#compact(0, signal);
    await this.#upkeep.run(() => this.#compactor.mergeSmall(signal));
  }

  /**
   * Packs blocks when there are too many, and deletes those that were packed and that nobody reads
   * any more.
   * @throws OperationalError STORAGE
   */
  async compactDue(signal: AbortSignal): Promise<void> {
    const { hotBytesMax, readMaxMs } = this.#options;
    const { hot, packed } = this.#parts;
    const horizonMs = this.#deps.clock.monotonicMs() - readMaxMs;
    await hot.deleteReplaced(horizonMs);
    await packed.deleteReplaced(horizonMs);
    if (hot.bytes > hotBytesMax) await this.#compact(hotBytesMax / 2, signal);
  }

  /** Drops what is older, or more, than it may be. @throws OperationalError STORAGE */
  async dropExpired(): Promise<void> {
    await this.#upkeep.run(() => this.#retention.apply());
  }

  /** Reads every block; damaged ones are set aside. @returns blocks and lines that are good */
  async verify(): Promise<{ readonly blocks: number; readonly lines: number }> {
    return await verifyLines(this.#parts);
  }

  async close(): Promise<void> {
    await this.#upkeep.run(() => this.#turns.run(() => this.#deps.store.close()));
  }

  async #compact(leaveBytes: number, signal: AbortSignal): Promise<void> {
    await this.#upkeep.run(() => {
      const old = this.#parts.hot.olderThan(this.#options.packAfterMs);
      return this.#compactor.compact(old, leaveBytes, signal);
    });
  }

  async #write(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    const { watch, work } = this.#options;
    const plan = new BlockPlan(this.#streams, this.#nextNumber, {
      admit: (labels) => this.#parts.streams.admit(labels),
      watch,
    });
    for (const item of items) {
      plan.add(item);
      await work.pause(); // each has thousands of lines, and ticks must not wait for all of them
    }
    try {
      if (plan.operations.length > 0) await this.#deps.store.batch(plan.operations, { sync: true });
    } catch (error) {
      watch?.settled(false);
      throw error;
    }
    watch?.settled(true);
    this.#nextNumber = plan.nextNumber;
    for (const position of plan.positions.values()) {
      const { stream, lastSeq, blocksStored } = position;
      if (blocksStored === stream.blocksStored) continue;
      Object.assign(stream, { lastSeq, blocksStored });
      this.#streams.set(keyOf(stream.node, stream.streamId), stream);
    }
    for (const block of plan.blocks) this.#parts.hot.add(block);
    this.#stored.notify();
    return plan.outcomes;
  }
}

/** Where a stream would stand after the items planned so far. */
type Position = { readonly stream: LineStream; lastSeq: number; blocksStored: number };

/** The labels under which lines with these are kept. */
type AdmitFn = (labels: Labels) => Labels;
type PlanParts = { readonly admit: AdmitFn; readonly watch: LineWatch | null };

/** Decides on items without changing anything; if the write fails it is thrown away. */
class BlockPlan {
  readonly operations: BatchOperation[] = [];
  readonly outcomes: CommitOutcome[] = [];
  readonly blocks: StoredBlock[] = [];
  readonly positions = new Map<string, Position>();
  readonly #streams: ReadonlyMap<string, LineStream>;
  readonly #parts: PlanParts;
  nextNumber: number;

  constructor(streams: ReadonlyMap<string, LineStream>, nextNumber: number, parts: PlanParts) {
    this.#parts = parts;
    this.#streams = streams;
    this.nextNumber = nextNumber;
  }

  add(item: CommitItem): void {
    if (item.kind !== "block") throw new TypeError(`A ${item.kind} is no block of lines`);
    let block: BlockColumns;
    try {
      block = parseColumns(item.bytes);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#reject(seqOfCorrupt(item.bytes), errorMessage(error));
      return;
    }
    const { seq, timeMs, lineCount } = block;
    const position = this.#positionOf(item.node, item.streamId);
    if (seq <= position.lastSeq) {
      this.outcomes.push({ kind: "duplicate", seq });
      return;
    }
    const missing = missingBefore(position.lastSeq, seq);
    position.lastSeq = seq;
    position.blocksStored += 1;
    const { stream, lastSeq, blocksStored } = position;
    const { number, node, streamId } = stream;
    this.operations.push(put(blockKey(number, seq), item.bytes));
    const record = encodeStream({ node, streamId, lastSeq, blocksStored });
    this.operations.push(put(streamKey(number), record));
    const { admit } = this.#parts;
    const sources = block.sources.map((source) =>
      storedSource(source, admit(withLabel(source.labels, INSTANCE, node))),
    );
    const summary = { bytes: item.bytes.length, sources };
    this.operations.push(put(summaryKey(number, seq), encodeSummary(summary)));
    for (const operation of this.#parts.watch?.observe(node, block) ?? []) {
      this.operations.push(operation);
    }
    this.blocks.push({ stream, seq, ...summary });
    this.outcomes.push({ kind: "stored", seq, timeMs, samples: lineCount, missing });
  }

  #positionOf(node: string, streamId: string): Position {
    const key = keyOf(node, streamId);
    return getOrInsert(this.positions, key, () => {
      const stream = this.#streams.get(key) ?? this.#newStream(node, streamId);
      const { lastSeq, blocksStored } = stream;
      return { stream, lastSeq, blocksStored };
    });
  }

  #newStream(node: string, streamId: string): LineStream {
    const number = this.nextNumber;
    this.nextNumber += 1;
    return { number, node, streamId, ...NEVER_SEEN };
  }

  #reject(seq: number, detail: string): void {
    this.outcomes.push({ kind: "rejected", seq, reason: "corrupt", detail });
  }
}

/** How far an earlier epoch went is not known. */
function missingBefore(lastSeq: number, seq: number): number {
  const isSameEpoch = epochOfSeq(lastSeq) === epochOfSeq(seq);
  return isSameEpoch ? seq - lastSeq - 1 : 0;
}

function seqOfCorrupt(bytes: Uint8Array): number {
  try {
    return readBlockHeader(bytes).seq;
  } catch {
    return 0; // not even its head can be trusted
  }
}

function keyOf(node: string, streamId: string): string {
  return `${node}\u0000${streamId}`;
}
