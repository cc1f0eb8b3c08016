import type { ByteSpan } from "../../../shared/model/byte-span.ts";
import type { VectorSample } from "../../../shared/model/columns.ts";
import { type Labels, labelValue, withLabel } from "../../../shared/model/labels.ts";
import { type BatchOperation, del } from "../../../shared/platform/ports.ts";
import type { StoredPartDeps } from "../../../shared/telemetry/part-deps.ts";
import {
  type BlockColumns,
  NEWLINE_BYTES,
  type SourceColumns,
} from "../../../shared/wire/line-block.ts";
import type { LineWatch } from "../line-log.ts";
import { EQUALS, QUOTE } from "../understand/characters.ts";
import { CommonLine } from "../understand/common-line.ts";
import { detectAccess } from "../understand/detect.ts";
import { HttpMetrics } from "../understand/http-metrics.ts";
import { LogMetric } from "../understand/log-metrics.ts";
import type { LogMetricConfig } from "../understand/log-metrics-config.ts";
import { MetricTable } from "../understand/metric-table.ts";
import { type LineOrigin, OTHER, serviceOf } from "../understand/origin.ts";
import { LeftOutCounts } from "./left-out-counts.ts";
import { LivingOrigins } from "./living-origins.ts";
import { MetricFeed, type WriteFn } from "./metric-feed.ts";
import {
  ALL_VALUES,
  decodeRecord,
  deleteRecord,
  metricPrefix,
  prefixOfKey,
  putRecord,
} from "./metric-records.ts";
import { NextByte } from "./next-byte.ts";
import { SourceText } from "./source-text.ts";

/** Finds the pattern of each line; what it changes goes into the batch that stores the line. */
export type PatternSink = {
  take(labels: Labels, line: ByteSpan, timeUs: number): unknown;
  /** The streams of lines that are the first of their pattern, one each, since the last call. */
  newStreams(): readonly Labels[];
  /** What changed since the last call. */
  changes(): readonly BatchOperation[];
  /** Whether the batch was written; when it was not, everything since the last one is undone. */
  settled(isWritten: boolean): void;
};

export type LogWatchDeps = StoredPartDeps & {
  /** Where series go. */
  readonly write: WriteFn;
  readonly patterns: PatternSink | null;
};

/** Series end when their service's lines on their node have been missing for so long. */
const SILENCE_MAX_MS = 86_400_000;
const SILENCE_CHECK_MS = 3_600_000;
const NEW_PATTERNS_SERIES_MAX = 5000;
const INSTANCE = "instance";

/**
 * Loads what the store of the lines has of metrics.
 * @throws OperationalError STORAGE when the store cannot be read
 */
export async function openLogWatch(
  deps: LogWatchDeps,
  metrics: readonly LogMetricConfig[],
): Promise<LogWatch> {
  const watch = new LogWatch(deps, metrics);
  await watch.load();
  return watch;
}

/** A metric and what the keys of its records begin with. */
type Kept = { readonly table: MetricTable; readonly prefix: string };

/**
 * Looks at each line when it is stored: counts requests of access logs, the metrics of the
 * configuration, and patterns. Totals are part of the batch that stores the lines, and become series
 * once a second.
 */
export class LogWatch implements LineWatch {
  readonly #deps: LogWatchDeps;
  readonly #http = new HttpMetrics();
  readonly #newPatterns = new MetricTable(
    {
      name: "log_new_patterns_total",
      kind: "counter",
      help: "Log lines that are like none before: the first of their pattern.",
      buckets: [],
    },
    NEW_PATTERNS_SERIES_MAX,
  );
  readonly #metrics: readonly LogMetric[];
  readonly #kept: readonly Kept[];
  readonly #leftOut: LeftOutCounts;
  readonly #text = new SourceText();
  readonly #common = new CommonLine();
  readonly #quotes = new NextByte(QUOTE);
  readonly #equals = new NextByte(EQUALS);
  readonly #origins = new LivingOrigins();
  #feeds: readonly MetricFeed[] = [];
  #checkedMs: number;
  /** Records that are to be deleted in the next batch; the first `#givenCount` are in this one. */
  readonly #deletions: BatchOperation[] = [];
  #givenCount = 0;

  constructor(deps: LogWatchDeps, metrics: readonly LogMetricConfig[]) {
    this.#deps = deps;
    this.#metrics = metrics.map((config) => new LogMetric(config));
    const { requests, durations } = this.#http;
    const tables = [
      requests,
      durations,
      this.#newPatterns,
      ...this.#metrics.map(({ table }) => table),
    ];
    this.#kept = tables.map((table) => ({ table, prefix: metricPrefix(table.family) }));
    this.#leftOut = new LeftOutCounts(this.#metrics, deps.metrics);
    this.#checkedMs = deps.clock.monotonicMs();
  }

  /** Once, before anything else. */
  async load(): Promise<void> {
    const { store, logger, metrics, clock, write } = this.#deps;
    const damaged = metrics.counter(
      "telltale_logs_damaged_metrics_total",
      "Stored totals of metrics of log lines that could not be read: they begin anew.",
    );
    damaged.add(0);
    const tables = new Map(this.#kept.map(({ table, prefix }) => [prefix, table]));
    for await (const [key, value] of store.entries(ALL_VALUES)) {
      const record = decodeRecord(value);
      if (record === null) {
        damaged.add();
        logger.warn({ bytes: value.length }, "a total of a metric of log lines is damaged");
      }
      const isTaken = record !== null && tables.get(prefixOfKey(key))?.load(record) === true;
      if (!isTaken) this.#deletions.push(del(key));
    }
    this.#http.learnRoutes();
    this.#feeds = this.#kept.map(({ table }) => new MetricFeed(table, write, clock));
    this.#watchOrigins();
  }

  observe(node: string, block: BlockColumns): readonly BatchOperation[] {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#origins.seen({ instance: node, service: OTHER }, nowMs);
    for (const source of block.sources) {
      const origin = { instance: node, service: serviceOf(source.labels) };
      this.#origins.seen(origin, nowMs);
      this.#observeLines(origin, source);
    }
    for (const one of [this.#text, this.#quotes, this.#equals]) one.close();
    return this.#changes();
  }

  settled(isWritten: boolean): void {
    this.#http.settle(isWritten);
    this.#newPatterns.settle(isWritten);
    for (const { table } of this.#metrics) table.settle(isWritten);
    this.#leftOut.settle(isWritten);
    if (isWritten) this.#deletions.splice(0, this.#givenCount);
    this.#givenCount = 0;
    this.#deps.patterns?.settled(isWritten);
  }

  /**
   * Once a second: writes what changed as series, and ends those of services that are gone.
   * @throws OperationalError as the writing does; the next turn goes on
   */
  async turn(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs >= this.#checkedMs + SILENCE_CHECK_MS) {
      this.#checkedMs = nowMs;
      this.#endSilent(nowMs - SILENCE_MAX_MS);
    }
    await Promise.all(this.#feeds.map((feed) => feed.turn()));
  }

  /** All that is stored, as series. */
  series(): VectorSample[] {
    return this.#kept.flatMap(({ table }) =>
      [...table.series()].flatMap(({ labels, values }) =>
        labels.map((one, i) => ({ labels: one, value: values[i] ?? 0 })),
      ),
    );
  }

  #observeLines(origin: LineOrigin, source: SourceColumns): void {
    const { labels, bytes, starts, timesUs } = source;
    const { patterns } = this.#deps;
    const streamLabels = patterns === null ? [] : withLabel(labels, INSTANCE, origin.instance);
    const line = { bytes, start: 0, end: 0 };
    this.#text.open(source);
    this.#quotes.open(bytes);
    this.#equals.open(bytes);
    for (let i = 0; i < timesUs.length; i += 1) {
      line.start = starts[i] as number;
      line.end = (starts[i + 1] as number) - NEWLINE_BYTES;
      this.#countRequest(origin, line, i);
      for (let m = 0; m < this.#metrics.length; m += 1) {
        this.#metrics[m]?.add(origin, this.#text.line(i));
      }
      patterns?.take(streamLabels, line, timesUs[i] as number);
    }
  }

  #countRequest(origin: LineOrigin, line: ByteSpan, index: number): void {
    if (this.#common.read(line)) {
      this.#http.addCommon(origin, line.bytes, this.#common);
      return;
    }
    // No other format that tells of requests does without both.
    const { start, end } = line;
    if (!this.#quotes.isIn(start, end) && !this.#equals.isIn(start, end)) return;
    const access = detectAccess(this.#text.line(index));
    if (access !== null) this.#http.add(origin, access);
  }

  #countNewPatterns(): void {
    for (const stream of this.#deps.patterns?.newStreams() ?? []) {
      const instance = labelValue(stream, INSTANCE);
      const entry = this.#newPatterns.entry([INSTANCE, instance, "service", serviceOf(stream)]);
      if (entry !== null) this.#newPatterns.add(entry, 1);
    }
  }

  #changes(): BatchOperation[] {
    this.#countNewPatterns();
    const operations: BatchOperation[] = [];
    // Before what is put: a label set that ended may have begun anew.
    if (this.#givenCount === 0) {
      operations.push(...this.#deletions);
      this.#givenCount = this.#deletions.length;
    }
    for (const { table, prefix } of this.#kept) {
      for (const record of table.changes()) operations.push(putRecord(prefix, record));
    }
    for (const operation of this.#deps.patterns?.changes() ?? []) operations.push(operation);
    return operations;
  }

  #endSilent(sinceMs: number): void {
    const isGone = (labels: Labels) => this.#origins.isSilentSince(labels, sinceMs);
    for (const { table, prefix } of this.#kept) {
      const gone = table.forget(isGone);
      for (const labels of gone) this.#deletions.push(deleteRecord(prefix, labels));
    }
    this.#http.learnRoutes();
    this.#watchOrigins();
  }

  #watchOrigins(): void {
    const sets = this.#kept.flatMap(({ table }) => [...table.labelSets()]);
    const ofNodes = sets.filter((labels) => labelValue(labels, INSTANCE) !== "");
    this.#origins.watch(ofNodes, this.#deps.clock.monotonicMs());
  }
}
