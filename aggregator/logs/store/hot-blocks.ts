import { OperationalError } from "../../../shared/errors.ts";
import { type BatchOperation, del, put } from "../../../shared/platform/ports.ts";
import type { Counter } from "../../../shared/telemetry/metrics.ts";
import type { StoredPartDeps } from "../../../shared/telemetry/part-deps.ts";
import { type LineBlock, parseBlock } from "../../../shared/wire/line-block.ts";
import {
  ALL_REPLACED,
  ALL_SUMMARIES,
  blockKey,
  decodeSummary,
  readSummaryKey,
  replacedKey,
  summaryKey,
} from "../records.ts";
import { costOf, type LineStream, type StoredBlock } from "../stored-block.ts";
import type { DamageKeeper } from "./damage.ts";
import { takesTooLong } from "./replaced.ts";
import { isOverflow, type Streams } from "./streams.ts";

/** Blocks that are deleted in one write. */
const DELETED_MAX = 1000;

/** `number`: counts from 1 at the start. */
type Held = { readonly block: StoredBlock; readonly number: number; readonly storedAtMs: number };

/**
 * Blocks as their agents sent them, and those of them that packed blocks stand for by now but that
 * somebody may still read.
 * Invariant: `here` has the blocks of `held`, and `bytes` is the sum of their costs.
 */
export class HotBlocks {
  readonly #deps: StoredPartDeps;
  readonly #streams: Streams;
  readonly #damage: DamageKeeper;
  readonly #overflow: Counter;
  /** In the order in which they were stored. */
  #held: Held[] = [];
  readonly #here = new Set<StoredBlock>();
  #bytes = 0;
  #storedCount = 0;
  readonly #replaced = new WeakSet<StoredBlock>();
  /** By the time they were replaced at. */
  #waiting: { readonly atMs: number; readonly blocks: Iterable<StoredBlock> }[] = [];

  constructor(deps: StoredPartDeps, streams: Streams, damage: DamageKeeper) {
    this.#deps = deps;
    this.#streams = streams;
    this.#damage = damage;
    this.#overflow = deps.metrics.counter(
      "telltale_logs_overflow_lines_total",
      "Log lines of streams beyond the limit, stored without their labels but the node.",
    );
    this.#overflow.add(0);
  }

  /** Nobody reads what was replaced before the start. @throws OperationalError STORAGE */
  async load(byNumber: ReadonlyMap<number, LineStream>): Promise<void> {
    const { store } = this.#deps;
    let operations: BatchOperation[] = [];
    for await (const [key] of store.entries(ALL_REPLACED)) {
      const { number, seq } = readSummaryKey(key);
      operations.push(del(blockKey(number, seq)), del(key));
      if (operations.length < DELETED_MAX) continue;
      await store.batch(operations, { sync: false });
      operations = [];
    }
    if (operations.length > 0) await store.batch(operations, { sync: false });
    for await (const [key, value] of store.entries(ALL_SUMMARIES)) {
      const { number, seq } = readSummaryKey(key);
      const stream = byNumber.get(number);
      const summary = decodeSummary(value);
      if (stream === undefined || summary === null) {
        const fault = new OperationalError("PARSE", "its stream or summary is damaged");
        await this.#damage.setAside(blockKey(number, seq), fault, [key]);
      } else {
        this.#hold({ stream, seq, ...summary }, Number.NEGATIVE_INFINITY);
      }
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#held.length;
  }

  /** How many were stored since the start, those included that are gone by now. */
  get storedCount(): number {
    return this.#storedCount;
  }

  /** In the order in which they were stored. */
  all(): StoredBlock[] {
    return this.#held.map(({ block }) => block);
  }

  /** Those that were stored at least so long ago. */
  olderThan(ageMs: number): StoredBlock[] {
    const horizonMs = this.#deps.clock.monotonicMs() - ageMs;
    return this.#held.filter((one) => one.storedAtMs <= horizonMs).map(({ block }) => block);
  }

  /** Those that are still there and came after the first `count` that were stored. */
  storedSince(count: number): StoredBlock[] {
    let at = this.#held.length;
    while (at > 0 && (this.#held[at - 1]?.number ?? 0) > count) at -= 1;
    return this.#held.slice(at).map(({ block }) => block);
  }

  add(block: StoredBlock): void {
    for (const { labels, lineCount } of block.sources) {
      if (isOverflow(labels)) this.#overflow.add(lineCount);
    }
    this.#hold(block, this.#deps.clock.monotonicMs());
  }

  has(block: StoredBlock): boolean {
    return this.#here.has(block);
  }

  /**
   * Null for a block that is dropped, or damaged, which is then set aside.
   * @throws OperationalError STORAGE; UNAVAILABLE when packed blocks stand for it since long
   */
  async read(block: StoredBlock): Promise<LineBlock | null> {
    const key = blockKey(block.stream.number, block.seq);
    const bytes = await this.#deps.store.get(key);
    if (bytes === undefined) {
      if (!this.#replaced.has(block)) return null;
      throw takesTooLong();
    }
    try {
      return parseBlock(bytes);
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
      await this.#setAside(block, error);
      return null;
    }
  }

  /** What the batch has to hold in which packed blocks take the place of these. */
  replaceOperations(blocks: readonly StoredBlock[]): BatchOperation[] {
    return blocks.flatMap(({ stream: { number }, seq }) => [
      del(summaryKey(number, seq)),
      put(replacedKey(number, seq), new Uint8Array()),
    ]);
  }

  /** After that batch, at a time of the monotonic clock. */
  replaced(blocks: ReadonlySet<StoredBlock>, atMs: number): void {
    for (const block of blocks) this.#replaced.add(block);
    this.#waiting.push({ atMs, blocks });
    this.#forget(blocks);
  }

  /** Deletes what was replaced before that time of the monotonic clock: nobody reads it. */
  async deleteReplaced(horizonMs: number): Promise<void> {
    const due = this.#waiting.filter(({ atMs }) => atMs <= horizonMs);
    this.#waiting = this.#waiting.filter(({ atMs }) => atMs > horizonMs);
    await this.#delete(
      due.flatMap(({ blocks }) => [...blocks]),
      replacedKey,
    );
  }

  async drop(blocks: readonly StoredBlock[]): Promise<void> {
    this.#forget(new Set(blocks));
    await this.#delete(blocks, summaryKey);
  }

  /** @param key of what says that the block is there, or that it is not */
  async #delete(blocks: readonly StoredBlock[], key: typeof summaryKey): Promise<void> {
    for (let i = 0; i < blocks.length; i += DELETED_MAX) {
      const operations = blocks.slice(i, i + DELETED_MAX).flatMap(({ stream: { number }, seq }) => {
        return [del(key(number, seq)), del(blockKey(number, seq))];
      });
      await this.#deps.store.batch(operations, { sync: false });
    }
  }

  async #setAside(block: StoredBlock, error: OperationalError): Promise<void> {
    if (!this.#here.has(block)) return; // by another reader, or dropped
    this.#forget(new Set([block]));
    const { stream, seq } = block;
    const summary = summaryKey(stream.number, seq);
    await this.#damage.setAside(blockKey(stream.number, seq), error, [summary]);
  }

  #hold(block: StoredBlock, storedAtMs: number): void {
    this.#storedCount += 1;
    this.#held.push({ block, number: this.#storedCount, storedAtMs });
    this.#here.add(block);
    this.#bytes += costOf(block);
    this.#streams.addHot(block);
  }

  #forget(blocks: ReadonlySet<StoredBlock>): void {
    this.#held = this.#held.filter(({ block }) => !blocks.has(block));
    for (const block of blocks) {
      if (this.#here.delete(block)) this.#bytes -= costOf(block);
    }
    this.#streams.removeHot(blocks);
  }
}
