import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { withLabel } from "../../shared/model/labels.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import { type BatchOperation, del, put } from "../../shared/platform/ports.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { type LineBlock, parseBlock, readBlockHeader } from "../../shared/wire/line-block.ts";
import { GroupCommit } from "../commit/group-commit.ts";
import type { CommitItem, CommitOutcome, StreamPosition } from "../model/commit.ts";
import {
  ALL_STREAMS,
  ALL_SUMMARIES,
  blockKey,
  decodeStream,
  decodeSummary,
  encodeStream,
  encodeSummary,
  readStreamKey,
  readSummaryKey,
  type StoredSource,
  streamKey,
  summaryKey,
} from "./records.ts";

/** How long a commit waits for company. */
const COMMIT_DELAY_MS = 3;
/** Blocks that are dropped in one write. */
const DROPS_MAX = 1000;
/** The node's name as a label. */
const INSTANCE = "instance";
/** Sequences that were left out are counted up to the start of the epoch they are missing in. */
const NEVER_SEEN = { lastSeq: 0, blocksStored: 0 };

export type LineStream = {
  readonly number: number;
  readonly node: string;
  readonly streamId: string;
  lastSeq: number;
  blocksStored: number;
};

/** A block that is safe, and what of it is in memory. */
export type StoredBlock = {
  readonly stream: LineStream;
  readonly seq: number;
  readonly sources: readonly StoredSource[];
};

/** Sees each line once, when it is stored. */
export type LineWatch = {
  /** A block that is new; what is returned is written with it, all or nothing. */
  observe(node: string, block: LineBlock): readonly BatchOperation[];
  /** Whether the blocks since the last call were written. */
  settled(isWritten: boolean): void;
};

/**
 * Opens the log of blocks of a store and finds what is in it. The store is closed with it.
 * @throws OperationalError STORAGE when the store cannot be read
 */
export async function openLineLog(
  deps: StoredPartDeps,
  watch: LineWatch | null = null,
): Promise<LineLog> {
  const log = new LineLog(deps, watch);
  await log.recover();
  return log;
}

/**
 * Blocks of log lines as the agents sent them. A batch is decided on, written and synced, and only
 * then seen: nothing is visible that is not safe. Of a stream each sequence is taken once.
 */
export class LineLog {
  readonly #deps: StoredPartDeps;
  readonly #watch: LineWatch | null;
  readonly #commits: GroupCommit;
  readonly #turns = new SerialQueue();
  readonly #streams = new Map<string, LineStream>();
  /** In the order in which they were stored. */
  #blocks: StoredBlock[] = [];
  readonly #stored = new ChangeSignal();
  #storedCount = 0;
  readonly #damaged;
  #nextNumber = 1;

  constructor(deps: StoredPartDeps, watch: LineWatch | null = null) {
    const { clock, logger, metrics } = deps;
    this.#deps = deps;
    this.#watch = watch;
    this.#commits = new GroupCommit(
      {
        clock,
        logger,
        metrics: metrics.labelled({ store: "logs" }),
        write: (items) => this.#turns.run(() => this.#write(items)),
      },
      COMMIT_DELAY_MS,
    );
    this.#damaged = metrics.counter(
      "telltale_logs_damaged_blocks_total",
      "Stored blocks of log lines that could not be read and were left out.",
    );
    this.#damaged.add(0);
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
    for await (const [key, value] of store.entries(ALL_SUMMARIES)) {
      const { number, seq } = readSummaryKey(key);
      const stream = byNumber.get(number);
      const sources = decodeSummary(value);
      if (stream === undefined || sources === null) this.#damaged.add(1);
      else this.#blocks.push({ stream, seq, sources });
    }
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

  /** All blocks, in the order in which they were stored. */
  get blocks(): readonly StoredBlock[] {
    return this.#blocks;
  }

  /** How many were stored since the start, those included that are dropped by now. */
  get storedCount(): number {
    return this.#storedCount;
  }

  /** The blocks that came after the first `count` of these. */
  storedSince(count: number): readonly StoredBlock[] {
    return count === this.#storedCount ? [] : this.#blocks.slice(count - this.#storedCount);
  }

  /** Null for a block that is damaged or gone. @throws OperationalError STORAGE */
  async read({ stream, seq }: StoredBlock): Promise<LineBlock | null> {
    const bytes = await this.#deps.store.get(blockKey(stream.number, seq));
    return bytes === undefined ? null : this.#parsed(stream, seq, bytes);
  }

  /** Resolves after the next blocks are stored; rejects with the signal's reason. */
  async changed(signal: AbortSignal): Promise<void> {
    await this.#stored.wait(signal);
  }

  /** Drops blocks all of whose lines are older than that, Unix milliseconds. */
  async dropBefore(horizonMs: number): Promise<void> {
    const isOld = ({ sources }: StoredBlock) =>
      sources.every(({ maxUs }) => maxUs < horizonMs * 1000);
    const old = this.#blocks.filter(isOld);
    for (let i = 0; i < old.length; i += DROPS_MAX) {
      const operations = old.slice(i, i + DROPS_MAX).flatMap(({ stream: { number }, seq }) => {
        return [del(blockKey(number, seq)), del(summaryKey(number, seq))];
      });
      await this.#deps.store.batch(operations, { sync: false });
    }
    if (old.length > 0) this.#blocks = this.#blocks.filter((block) => !isOld(block));
  }

  async close(): Promise<void> {
    await this.#turns.run(() => this.#deps.store.close());
  }

  async #write(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    const plan = new BlockPlan(this.#streams, this.#nextNumber, this.#watch);
    for (const item of items) plan.add(item);
    try {
      if (plan.operations.length > 0) await this.#deps.store.batch(plan.operations, { sync: true });
    } catch (error) {
      this.#watch?.settled(false);
      throw error;
    }
    this.#watch?.settled(true);
    this.#nextNumber = plan.nextNumber;
    for (const position of plan.positions.values()) {
      const { stream, lastSeq, blocksStored } = position;
      if (blocksStored === stream.blocksStored) continue;
      Object.assign(stream, { lastSeq, blocksStored });
      this.#streams.set(keyOf(stream.node, stream.streamId), stream);
    }
    for (const block of plan.blocks) this.#blocks.push(block);
    this.#storedCount += plan.blocks.length;
    this.#stored.notify();
    return plan.outcomes;
  }

  #parsed({ node }: LineStream, seq: number, bytes: Uint8Array): LineBlock | null {
    try {
      return parseBlock(bytes);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#damaged.add(1);
      this.#deps.logger.error({ node, seq, error: error.message }, "a block of lines is damaged");
      return null;
    }
  }
}

/** Where a stream would stand after the items planned so far. */
type Position = { readonly stream: LineStream; lastSeq: number; blocksStored: number };

/** Decides on items without changing anything; if the write fails it is thrown away. */
class BlockPlan {
  readonly operations: BatchOperation[] = [];
  readonly outcomes: CommitOutcome[] = [];
  readonly blocks: StoredBlock[] = [];
  readonly positions = new Map<string, Position>();
  readonly #streams: ReadonlyMap<string, LineStream>;
  readonly #watch: LineWatch | null;
  nextNumber: number;

  constructor(
    streams: ReadonlyMap<string, LineStream>,
    nextNumber: number,
    watch: LineWatch | null,
  ) {
    this.#streams = streams;
    this.nextNumber = nextNumber;
    this.#watch = watch;
  }

  add(item: CommitItem): void {
    if (item.kind !== "block") throw new TypeError(`A ${item.kind} is no block of lines`);
    let block: LineBlock;
    try {
      block = parseBlock(item.bytes);
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
    const sources = sourcesOf(node, block);
    this.operations.push(put(summaryKey(number, seq), encodeSummary(sources)));
    for (const operation of this.#watch?.observe(node, block) ?? []) {
      this.operations.push(operation);
    }
    this.blocks.push({ stream, seq, sources });
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

function sourcesOf(node: string, { sources }: LineBlock): readonly StoredSource[] {
  return sources.map(({ labels: own, lines }) => {
    let minUs = Number.POSITIVE_INFINITY;
    let maxUs = 0;
    for (const { timeUs } of lines) {
      minUs = Math.min(minUs, timeUs);
      maxUs = Math.max(maxUs, timeUs);
    }
    const labels = withLabel(own, INSTANCE, node);
    return { labels, lineCount: lines.length, minUs, maxUs };
  });
}

function keyOf(node: string, streamId: string): string {
  return `${node}\u0000${streamId}`;
}
