import { OperationalError } from "../../../shared/errors.ts";
import type { Matcher } from "../../../shared/model/columns.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { compareLabels, type Labels, labelsKey, labelValue } from "../../../shared/model/labels.ts";
import { type BatchOperation, put } from "../../../shared/platform/ports.ts";
import type { Counter } from "../../../shared/telemetry/metrics.ts";
import type { StoredPartDeps } from "../../../shared/telemetry/part-deps.ts";
import { SerialQueue } from "../../../shared/time/serial-queue.ts";
import { BLOCK_LINES_MAX } from "./block-index.ts";
import type { BlockRows } from "./block-rows.ts";
import { BlockStore } from "./block-store.ts";
import { Compactor } from "./compactor.ts";
import { expiredDays, forgetDay } from "./expiry.ts";
import { packHot, type StoredLine } from "./hot-block.ts";
import { blockKey, dayOf, streamKey } from "./keys.ts";
import { loadBlocks } from "./load-blocks.ts";
import type { Direction } from "./merge-rows.ts";
import { Readers } from "./readers.ts";
import { readEntries, type StoredEntry } from "./select-lines.ts";
import { type Block, blocksIn, type Stream, Streams, sortedTexts } from "./streams.ts";

export type LogStoreOptions = {
  /** Lines older than this are dropped, a day at a time. */
  readonly retentionMs: number;
  /** When blocks take more than this, the oldest days are dropped, but not the last one. */
  readonly bytesMax: number;
  /** Lines of further streams are refused. */
  readonly streamsMax: number;
  /** Hot blocks that do not fill a packed one are packed when they are as old as this. */
  readonly compactAfterMs: number;
};

/** A line with the labels of its stream. */
export type LogLine = StoredLine & { readonly labels: Labels };

export type Appended = {
  readonly stored: number /** of streams too many */;
  readonly refused: number;
};

type SelectedStream = {
  readonly labels: Labels;
  readonly entries: AsyncIterable<readonly StoredEntry[]>;
};
type MatcherSets = readonly (readonly Matcher[])[];
type TimeRange = { readonly startUs: number; readonly endUs: number };

/**
 * Opens the lines of a store. The store is closed with it.
 * @throws OperationalError STORAGE when the store cannot be read
 */
export async function openLogStore(
  deps: StoredPartDeps,
  options: LogStoreOptions,
): Promise<LogStore> {
  const store = new LogStore(deps, options);
  await store.recover();
  return store;
}

/**
 * All log lines (the format: docs/log-store.md). A batch of lines is a hot block a stream, written
 * and synced before it is visible; compaction makes packed blocks of them. Changes of what there is
 * are one turn each.
 */
export class LogStore {
  readonly #deps: StoredPartDeps;
  readonly #options: LogStoreOptions;
  readonly #streams = new Streams();
  readonly #blocks: BlockStore;
  readonly #compactor: Compactor;
  readonly #readers = new Readers();
  readonly #turns = new SerialQueue();
  readonly #stored: Counter;
  readonly #refused: Counter;
  readonly #expired: Counter;
  #lastNumber = 0;

  constructor(deps: StoredPartDeps, options: LogStoreOptions) {
    const { store, logger, metrics } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#blocks = new BlockStore(store, logger, metrics);
    this.#compactor = new Compactor({
      store,
      blocks: this.#blocks,
      readers: this.#readers,
      turns: this.#turns,
      takeNumber: () => this.#takeNumber(),
      setAside: (stream, block, error) => this.#setAside(stream, block, error),
    });
    const counter = (name: string, help: string) =>
      metrics.counter(`telltale_log_store_lines_${name}_total`, help);
    this.#stored = counter("stored", "Log lines that were stored.");
    this.#refused = counter("refused", "Log lines of streams beyond the limit.");
    this.#expired = counter("expired", "Log lines that were dropped for their age or size.");
  }

  /** Once, before anything else. */
  async recover(): Promise<void> {
    this.#lastNumber = await loadBlocks(this.#deps.store, this.#streams, this.#blocks);
  }

  /** Bytes of all blocks. */
  get bytes(): number {
    let bytes = 0;
    for (const { blocks } of this.#streams.all()) for (const block of blocks) bytes += block.bytes;
    return bytes;
  }

  /**
   * Stores lines, safe and visible when it resolves.
   * @param others what must be there with the lines or not at all, of keys that begin with none of
   *     the letters of keys.ts
   * @throws OperationalError STORAGE
   */
  async append(
    lines: readonly LogLine[],
    others: readonly BatchOperation[] = [],
  ): Promise<Appended> {
    return await this.#turns.run(() => this.#append(lines, others));
  }

  /**
   * Streams that match, each with its lines of startUs <= time < endUs in the direction's order. Of
   * lines without all of the hints' substrings most are left out, not all.
   * @throws OperationalError QUERY for a bad pattern, STORAGE
   */
  async select(
    matchers: readonly Matcher[],
    range: TimeRange,
    direction: Direction,
    hints: { readonly substrings: readonly string[] },
  ): Promise<readonly SelectedStream[]> {
    const { startUs, endUs } = range;
    const streams = this.#streams
      .select(matchers)
      .filter((one) => blocksIn(one, startUs, endUs).length > 0);
    return streams.map((stream) => {
      const source = {
        blocks: () => blocksIn(stream, startUs, endUs),
        readers: this.#readers,
        open: (block: Block, needles: readonly string[]) => this.#open(stream, block, needles),
      };
      const entries = readEntries(source, { startUs, endUs, direction, ...hints });
      return { labels: stream.labels, entries };
    });
  }

  async labelNames(sets: MatcherSets, { startUs, endUs }: TimeRange): Promise<string[]> {
    const labels = this.#streams.labelsIn(sets, startUs, endUs);
    return sortedTexts(labels.flatMap((one) => one.filter((_, i) => i % 2 === 0)));
  }

  async labelValues(
    name: string,
    sets: MatcherSets,
    { startUs, endUs }: TimeRange,
  ): Promise<string[]> {
    const labels = this.#streams.labelsIn(sets, startUs, endUs);
    return sortedTexts(labels.map((one) => labelValue(one, name)));
  }

  /** Labels of the streams that match any of the sets, sorted. */
  async series(sets: MatcherSets, { startUs, endUs }: TimeRange): Promise<Labels[]> {
    return this.#streams.labelsIn(sets, startUs, endUs).sort(compareLabels);
  }

  /** Packs the hot blocks that are due. */
  async compactDue(): Promise<void> {
    const nowUs = this.#deps.clock.nowMs() * 1000;
    for (const stream of [...this.#streams.all()]) {
      await this.#compactor.compact(stream, nowUs, this.#options.compactAfterMs * 1000);
    }
  }

  /** Drops days that are too old, or too many for the bytes there may be. */
  async dropExpired(): Promise<void> {
    const { retentionMs, bytesMax } = this.#options;
    const nowUs = this.#deps.clock.nowMs() * 1000;
    const days = expiredDays(this.#streams.all(), nowUs, {
      retentionUs: retentionMs * 1000,
      bytesMax,
    });
    for (const day of days) {
      await this.#turns.run(async () => {
        this.#expired.add(await forgetDay(this.#deps.store, this.#streams, day));
      });
    }
  }

  /** Reads every block; damaged ones are set aside. @returns blocks and lines that are good */
  async verify(): Promise<{ readonly blocks: number; readonly lines: number }> {
    let [blocks, lines] = [0, 0];
    for (const stream of [...this.#streams.all()]) {
      for (const block of [...stream.blocks]) {
        const end = this.#readers.begin();
        try {
          const rows = await this.#open(stream, block, []);
          if (rows === null) continue;
          for (let row = 0; row < rows.timesUs.length; row += 1) rows.textOf(row);
          blocks += 1;
          lines += rows.timesUs.length;
        } finally {
          end();
        }
      }
    }
    return { blocks, lines };
  }

  async close(): Promise<void> {
    await this.#turns.run(() => this.#deps.store.close());
  }

  async #append(lines: readonly LogLine[], others: readonly BatchOperation[]): Promise<Appended> {
    const operations: BatchOperation[] = [...others];
    const added: { readonly ref: number; readonly labels: Labels; readonly block: Block }[] = [];
    const isNew = new Map<string, number>();
    let refused = 0;
    for (const group of groupByLabels(lines)) {
      const [{ labels }] = group as [LogLine];
      const known = this.#streams.find(labels)?.ref;
      if (known === undefined && this.#streams.count + isNew.size >= this.#options.streamsMax) {
        refused += group.length;
        continue;
      }
      const ref = known ?? getOrInsert(isNew, labelsKey(labels), () => this.#streams.takeRef());
      if (known === undefined) {
        operations.push(put(streamKey(ref), Buffer.from(JSON.stringify(labels))));
      }
      for (const part of partsOf(group)) {
        const { block, bytes } = this.#hotBlock(ref, part);
        operations.push(put(blockKey("hot", block), bytes));
        added.push({ ref, labels, block });
      }
    }
    if (operations.length > 0) await this.#deps.store.batch(operations, { sync: true });
    for (const { ref, labels, block } of added) {
      (this.#streams.byRef(ref) ?? this.#streams.add(ref, labels)).blocks.add(block);
    }
    this.#stored.add(lines.length - refused);
    this.#refused.add(refused);
    return { stored: lines.length - refused, refused };
  }

  #hotBlock(stream: number, lines: readonly LogLine[]): { block: Block; bytes: Uint8Array } {
    const bytes = packHot(lines);
    const [firstUs, lastUs] = [lines[0]?.timeUs ?? 0, lines.at(-1)?.timeUs ?? 0];
    const name = { day: dayOf(lastUs), stream, number: this.#takeNumber() };
    const block = { ...name, firstUs, lastUs, lineCount: lines.length, bytes: bytes.length };
    return { block: { ...block, isPacked: false }, bytes };
  }

  #takeNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  /** null also for a block that is damaged, which is then set aside, or that is gone by now. */
  async #open(stream: Stream, block: Block, needles: readonly string[]): Promise<BlockRows | null> {
    try {
      return await this.#blocks.open(block, needles);
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
      await this.#setAside(stream, block, error);
      return null;
    }
  }

  async #setAside(stream: Stream, block: Block, error: OperationalError): Promise<void> {
    await this.#turns.run(async () => {
      if (!stream.blocks.delete(block)) return; // dropped, or set aside before
      await this.#blocks.setAside(block, block.isPacked, error);
    });
  }
}

/** Lines by stream, each in order of time. */
function groupByLabels(lines: readonly LogLine[]): Iterable<readonly LogLine[]> {
  const groups = new Map<string, LogLine[]>();
  let labels: Labels | null = null;
  let group: LogLine[] = [];
  for (const line of lines) {
    if (line.labels !== labels) {
      labels = line.labels;
      group = getOrInsert(groups, labelsKey(labels), () => []);
    }
    group.push(line);
  }
  for (const one of groups.values()) one.sort((a, b) => a.timeUs - b.timeUs);
  return groups.values();
}

/** Lines of one block: of one day, and not too many. */
function* partsOf(lines: readonly LogLine[]): Iterable<readonly LogLine[]> {
  let from = 0;
  for (let to = 1; to <= lines.length; to += 1) {
    const last = lines[to - 1] as LogLine;
    const next = lines[to];
    const isSameDay = next !== undefined && dayOf(next.timeUs) === dayOf(last.timeUs);
    if (isSameDay && to - from < BLOCK_LINES_MAX) continue;
    yield lines.slice(from, to);
    from = to;
  }
}
