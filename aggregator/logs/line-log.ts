import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import { type BatchOperation, put } from "../../shared/platform/ports.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { type LineBlock, parseBlock, readBlockHeader } from "../../shared/wire/line-block.ts";
import { GroupCommit } from "../commit/group-commit.ts";
import type { CommitItem, CommitOutcome, StreamPosition } from "../model/commit.ts";
import {
  ALL_BLOCKS,
  ALL_STREAMS,
  blockKey,
  decodeStream,
  encodeStream,
  readBlockKey,
  readStreamKey,
  streamKey,
} from "./records.ts";

/** How long a commit waits for company. */
const COMMIT_DELAY_MS = 3;
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
  /** Of its lines, Unix microseconds. */
  readonly minUs: number;
  readonly maxUs: number;
  readonly lineCount: number;
  /** Of its sources, without `instance`. */
  readonly labels: readonly Labels[];
};

/**
 * Opens the log of blocks of a store and finds what is in it. The store is closed with it.
 * @throws OperationalError STORAGE when the store cannot be read
 */
export async function openLineLog(deps: StoredPartDeps): Promise<LineLog> {
  const log = new LineLog(deps);
  await log.recover();
  return log;
}

/**
 * Blocks of log lines as the agents sent them. A batch is decided on, written and synced, and only
 * then seen: nothing is visible that is not safe. Of a stream each sequence is taken once.
 */
export class LineLog {
  readonly #deps: StoredPartDeps;
  readonly #commits: GroupCommit;
  readonly #turns = new SerialQueue();
  readonly #streams = new Map<string, LineStream>();
  /** In the order in which they were stored. */
  readonly #blocks: StoredBlock[] = [];
  readonly #damaged;
  #nextNumber = 1;

  constructor(deps: StoredPartDeps) {
    const { clock, logger, metrics } = deps;
    this.#deps = deps;
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
    for await (const [key, value] of store.entries(ALL_BLOCKS)) {
      const { number, seq } = readBlockKey(key);
      const stream = byNumber.get(number);
      if (stream !== undefined) this.#remember(stream, seq, value);
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

  /** Those with lines in startUs <= time < endUs, in the order in which they were stored. */
  between(startUs: number, endUs: number): readonly StoredBlock[] {
    return this.#blocks.filter(({ minUs, maxUs }) => maxUs >= startUs && minUs < endUs);
  }

  /** Null for a block that is damaged or gone. @throws OperationalError STORAGE */
  async read({ stream, seq }: StoredBlock): Promise<LineBlock | null> {
    const bytes = await this.#deps.store.get(blockKey(stream.number, seq));
    return bytes === undefined ? null : this.#parsed(stream, seq, bytes);
  }

  async close(): Promise<void> {
    await this.#turns.run(() => this.#deps.store.close());
  }

  async #write(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    const plan = new BlockPlan(this.#streams, this.#nextNumber);
    for (const item of items) plan.add(item);
    if (plan.operations.length > 0) await this.#deps.store.batch(plan.operations, { sync: true });
    this.#nextNumber = plan.nextNumber;
    for (const position of plan.positions.values()) {
      const { stream, lastSeq, blocksStored } = position;
      if (blocksStored === stream.blocksStored) continue;
      Object.assign(stream, { lastSeq, blocksStored });
      this.#streams.set(keyOf(stream.node, stream.streamId), stream);
    }
    for (const { stream, block } of plan.blocks) this.#blocks.push(storedBlock(stream, block));
    return plan.outcomes;
  }

  #remember(stream: LineStream, seq: number, bytes: Uint8Array): void {
    const block = this.#parsed(stream, seq, bytes);
    if (block !== null) this.#blocks.push(storedBlock(stream, block));
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
  readonly blocks: { readonly stream: LineStream; readonly block: LineBlock }[] = [];
  readonly positions = new Map<string, Position>();
  readonly #streams: ReadonlyMap<string, LineStream>;
  nextNumber: number;

  constructor(streams: ReadonlyMap<string, LineStream>, nextNumber: number) {
    this.#streams = streams;
    this.nextNumber = nextNumber;
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
    this.blocks.push({ stream, block });
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

function storedBlock(stream: LineStream, { seq, lineCount, sources }: LineBlock): StoredBlock {
  let minUs = Number.POSITIVE_INFINITY;
  let maxUs = 0;
  for (const { lines } of sources) {
    for (const { timeUs } of lines) {
      minUs = Math.min(minUs, timeUs);
      maxUs = Math.max(maxUs, timeUs);
    }
  }
  return { stream, seq, minUs, maxUs, lineCount, labels: sources.map(({ labels }) => labels) };
}

function keyOf(node: string, streamId: string): string {
  return `${node}\u0000${streamId}`;
}
