import { Miner, type MinerLimits } from "../../../shared/log-patterns/miner.ts";
import { current, type Pattern, type Shape } from "../../../shared/log-patterns/pattern.ts";
import type { ByteSpan } from "../../../shared/model/byte-span.ts";
import { type Labels, NO_LABELS } from "../../../shared/model/labels.ts";
import {
  type BatchOperation,
  del,
  type KeyValueStore,
  put,
} from "../../../shared/platform/ports.ts";
import type { Counter, Gauge } from "../../../shared/telemetry/metrics.ts";
import type { PartDeps } from "../../../shared/telemetry/part-deps.ts";
import { loadPatterns } from "./load-patterns.ts";
import {
  BUCKET_MINUTES,
  type Cell,
  type CountedStream,
  countsOf,
  newCell,
  OpenCounts,
  settleBucket,
} from "./open-counts.ts";
import {
  encodeHistory,
  encodeLabels,
  encodeMeta,
  encodePage,
  encodePattern,
  encodeShape,
  historyKey,
  META_KEY,
  numberedKey,
  PAGE_PATTERNS,
  shapeRecordKey,
} from "./pattern-records.ts";
import { Unwritten } from "./unwritten.ts";

export type PatternLimits = MinerLimits & {
  /** Lines of further streams are counted together. */
  readonly streamsMax: number;
};

const PATTERN_LIMITS: PatternLimits = {
  patternsMax: 10_000,
  skeletonsMax: 65_536,
  streamsMax: 20_000,
};

/** After so many lines all patterns are compared. */
const SETTLE_LINES = 10_000;

/** A pattern that no stored line had, and the labels of the first that has it. */
type Fresh = { readonly labels: Labels; isTold: boolean };

/**
 * The patterns of all lines of all nodes, and how many lines each has, by stream and time. Lines are
 * taken; `changes` go into the batch that stores these lines, and `settled` says what became of it.
 * So the counts in the store are those of the lines that are there, at each moment. A batch that
 * failed leaves no count; a pattern that it was the first to have stays, with its id, for its lines
 * will come again.
 *
 * Invariant: the counts of all patterns add up to the lines that were taken and not undone; so do
 * those of the whole history, until the oldest of it is dropped.
 */
export class PatternTable {
  readonly counts: OpenCounts;
  readonly #deps: PartDeps;
  readonly #miner: Miner;
  readonly #byNumber = new Map<number, Pattern>();
  /** Those with lines that are not settled. */
  #batch: Cell[] = [];
  /** Those with lines since the last `changes`. */
  #touched: Cell[] = [];
  readonly #unwritten = {
    patterns: new Unwritten<Pattern>(),
    shapes: new Unwritten<Shape>(),
    forgotten: new Unwritten<number>(),
    pages: new Unwritten<number>(),
    streams: new Unwritten<CountedStream>(),
  };
  /** Until a line of theirs is stored. */
  readonly #fresh = new Map<Pattern, Fresh>();
  /** Of the line that is being taken. */
  #labels: Labels = NO_LABELS;
  readonly #made: Counter;
  readonly #known: Gauge;

  constructor(deps: PartDeps, limits: PatternLimits = PATTERN_LIMITS) {
    this.#deps = deps;
    this.counts = new OpenCounts(limits.streamsMax);
    this.#miner = new Miner(limits, {
      changed: (pattern) => this.#changed(pattern),
      shapeChanged: (shape) => this.#unwritten.shapes.add(shape),
      forgotten: ({ number }) => {
        this.#byNumber.delete(number);
        this.#unwritten.forgotten.add(number);
      },
    });
    const { metrics } = deps;
    this.#made = metrics.counter(
      "telltale_log_patterns_new_total",
      "Patterns of log lines that no line had before.",
    );
    this.#made.add(0);
    this.#known = metrics.gauge("telltale_log_patterns", "Patterns of log lines that are known.");
  }

  /** Once, before anything else. @throws OperationalError STORAGE */
  async load(store: KeyValueStore): Promise<void> {
    const { logger, metrics } = this.#deps;
    const { state, streams, damaged } = await loadPatterns(store);
    if (damaged > 0) {
      const help = "Records of patterns of log lines that could not be read.";
      metrics.counter("telltale_log_patterns_damaged_total", help).add(damaged);
      logger.error({ records: damaged }, "patterns of log lines are damaged");
    }
    this.#miner.restore(state);
    for (const pattern of state.patterns) this.#byNumber.set(pattern.number, pattern);
    for (const [number, labels] of streams) this.counts.restore(number, labels);
    this.#known.set(this.#miner.patternCount);
  }

  /** Lines of all patterns. */
  get lines(): number {
    return this.#miner.lines;
  }

  /** Counts a line, in UTF-8. @returns the id of its pattern; `find` says later what became of it */
  take(labels: Labels, line: ByteSpan, timeUs: number): string {
    const timeAtLeast0Us = Math.max(0, timeUs);
    this.#labels = labels;
    const stream = this.counts.streamOf(labels, (added) => this.#unwritten.streams.add(added));
    const bucket = this.counts.bucketAt(stream, timeAtLeast0Us, this.#miner.lines);
    const pattern = this.#miner.addBytes(line, timeAtLeast0Us);
    let cell = bucket.cells.get(pattern);
    if (cell === undefined) {
      cell = newCell(bucket, pattern);
      bucket.cells.set(pattern, cell);
    }
    if (cell.pending === 0) {
      this.#batch.push(cell);
      bucket.pendingCells += 1;
    }
    if (!cell.isTouched) this.#touched.push(cell);
    cell.isTouched = true;
    cell.count += 1;
    cell.pending += 1;
    if (this.#miner.lines % SETTLE_LINES === 0) this.#miner.settle();
    return pattern.id;
  }

  /** What changed since the last call: to be written in one batch with the lines that were taken. */
  changes(): readonly BatchOperation[] {
    const { patterns, shapes, forgotten, pages, streams } = this.#unwritten;
    const operations: BatchOperation[] = [];
    for (const bucket of new Set(this.#touched.map((cell) => cell.bucket))) {
      const value = encodeHistory({ minutes: BUCKET_MINUTES, counts: countsOf(bucket) });
      operations.push(put(historyKey(bucket.place), value));
    }
    for (const cell of this.#touched) {
      cell.isTouched = false;
      pages.add(pageOf(current(cell.pattern)));
    }
    this.#touched = [];
    for (const { number, labels } of streams.give()) {
      operations.push(put(numberedKey("labels", number), encodeLabels(labels)));
    }
    const changed = patterns.give();
    if (changed.length > 0) operations.push(put(META_KEY, encodeMeta(this.#miner)));
    for (const pattern of changed) operations.push(patternOperation(pattern));
    for (const number of forgotten.give()) operations.push(del(numberedKey("pattern", number)));
    for (const shape of shapes.give()) operations.push(shapeOperation(shape));
    for (const page of pages.give()) operations.push(this.#pageOperation(page));
    return operations;
  }

  /** Whether what was taken and given out since the last call was written: all of it, or nothing. */
  settled(isWritten: boolean): void {
    for (const cell of this.#touched) cell.isTouched = false;
    this.#touched = [];
    for (const cell of this.#batch) {
      if (!isWritten) {
        this.#miner.takeBack(cell.pattern, cell.pending);
        cell.count -= cell.pending;
      }
      cell.pending = 0;
    }
    for (const bucket of new Set(this.#batch.map((cell) => cell.bucket))) settleBucket(bucket);
    this.#batch = [];
    for (const records of Object.values(this.#unwritten)) records.settled(isWritten);
    this.#settleFresh(isWritten);
  }

  /**
   * The streams of lines that are the first of their pattern, one each, since the last call: of
   * lines whose batch is lost, again when they come again.
   */
  newStreams(): readonly Labels[] {
    const streams: Labels[] = [];
    for (const [pattern, fresh] of this.#fresh) {
      if (fresh.isTold || pattern.mergedInto !== null || pattern.count === 0) continue;
      fresh.isTold = true;
      streams.push(fresh.labels);
    }
    return streams;
  }

  /** What a pattern of this id is now. */
  find(id: string): Pattern {
    return this.#miner.find(id);
  }

  /** What a pattern of this number is now. */
  findNumber(number: number): Pattern {
    return current(this.#byNumber.get(number) ?? this.#miner.other);
  }

  /** Most frequent first. */
  patterns(): readonly Pattern[] {
    return this.#miner.patterns();
  }

  #changed(pattern: Pattern): void {
    const { number, mergedInto } = pattern;
    const { patterns, pages } = this.#unwritten;
    if (mergedInto === null && !this.#byNumber.has(number)) {
      this.#fresh.set(pattern, { labels: this.#labels, isTold: false });
    }
    this.#byNumber.set(number, pattern);
    patterns.add(pattern);
    pages.add(pageOf(pattern));
    if (mergedInto === null) return;
    pages.add(pageOf(mergedInto));
    if (mergedInto !== this.#miner.other) patterns.add(mergedInto);
  }

  #pageOperation(page: number): BatchOperation {
    const key = numberedKey("page", page);
    const patterns = Array.from({ length: PAGE_PATTERNS }, (_, i) => {
      const number = page * PAGE_PATTERNS + i;
      return number === 0 ? this.#miner.other : (this.#byNumber.get(number) ?? null);
    });
    const isEmpty = patterns.every((pattern) => pattern === null || pattern.count === 0);
    return isEmpty ? del(key) : put(key, encodePage(patterns));
  }

  #settleFresh(isWritten: boolean): void {
    if (this.#fresh.size === 0) return;
    for (const [pattern, fresh] of this.#fresh) {
      const isGone = pattern.mergedInto !== null;
      // One whose only lines were undone is new when they come again.
      if (!isGone && pattern.count === 0) fresh.isTold = false;
      else if (isGone || isWritten) this.#fresh.delete(pattern);
      if (!isGone && isWritten && pattern.count > 0) this.#made.add(1);
    }
    this.#known.set(this.#miner.patternCount);
  }
}

function pageOf({ number }: Pattern): number {
  return Math.floor(number / PAGE_PATTERNS);
}

function patternOperation(pattern: Pattern): BatchOperation {
  const { number, id, mergedInto, lastLine } = pattern;
  const key = numberedKey("pattern", number);
  if (mergedInto === null) return put(key, encodePattern({ kind: "live", ...pattern }));
  return put(key, encodePattern({ kind: "merged", id, into: mergedInto.number, line: lastLine }));
}

function shapeOperation(shape: Shape): BatchOperation {
  const key = shapeRecordKey(shape.key);
  if (shape.patterns.length === 0) return del(key);
  return put(key, encodeShape({ ...shape, masks: [...shape.masks.values()] }));
}
