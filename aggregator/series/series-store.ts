import { strict as assert } from "node:assert";
import { errorMessage } from "../../shared/errors.ts";
import type { Matcher, SelectedSeries, VectorSample } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { compareLabels, compareText, type Labels, labelValue } from "../../shared/model/labels.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { GroupCommit } from "../commit/group-commit.ts";
import type { CommitItem, CommitOutcome, StreamPosition, StreamStatus } from "../model/commit.ts";
import type { WriteOutcome, WriteRequest } from "../model/write-request.ts";
import { CommitPlan } from "./commit-plan.ts";
import { Compactor } from "./compactor.ts";
import { Cutter } from "./cutter.ts";
import { DamageKeeper } from "./damage.ts";
import { DeadLog } from "./dead-log.ts";
import { definitionsOfEpochs, framesUpTo } from "./keys.ts";
import { OWN_NODE, OwnWriter } from "./own-writer.ts";
import { Partitions } from "./partitions.ts";
import type { StoreParts } from "./parts.ts";
import { Recovery } from "./recovery.ts";
import { Retention } from "./retention.ts";
import { lastsAfter, Selection } from "./select.ts";
import { type Series, SeriesIndex } from "./series-index.ts";
import { storeFigures } from "./store-figures.ts";
import type { Stream } from "./stream.ts";
import { NO_FRAMES } from "./stream-accounts.ts";
import { StreamTable } from "./stream-table.ts";
import { WrittenCuts } from "./written-cuts.ts";
import { WrittenHead } from "./written-head.ts";

export type SeriesStoreOptions = {
  /** Samples older than this are dropped, two hours of them at a time. */
  readonly retentionMs: number;
  /** Frames whose time is further ahead of the clock are refused. */
  readonly futureLimitMs: number;
  /** Time that one chunk holds. The head keeps between one and two of these. */
  readonly chunkMs: number;
  /** How long a commit waits for company. */
  readonly commitDelayMs: number;
  /** Gives the event loop a turn. */
  readonly pause: () => Promise<void>;
  /** Series that others may write at a time; a million where it is not said. */
  readonly writtenSeriesMax?: number;
};

type MatcherSets = readonly (readonly Matcher[])[];

/** So many times `chunkMs` the head keeps of a stream that is not slow. */
const HEAD_CHUNKS_MAX = 2;
const WRITTEN_SERIES_MAX = 1_000_000;
/** A stream with more marks than this is cut before more of it is taken. */
const MARKS_MAX = 3;

/**
 * Opens the series of a store and brings back what was in memory. The store is closed with it.
 * @throws OperationalError STORAGE when the store cannot be read
 */
export async function openSeriesStore(
  deps: StoredPartDeps,
  options: SeriesStoreOptions,
): Promise<SeriesStore> {
  const series = new SeriesStore(deps, options);
  await series.recover();
  return series;
}

/**
 * All samples: the recent ones in memory (group-rows.ts) with a write-ahead log, the others in chunks.
 *
 * Order of things: a batch is decided on (commit-plan.ts), written and synced, and only then done
 * in memory, so nothing is visible that is not safe. Decisions and their doing are one turn; a
 * cut runs beside them, as it writes only rows that do not change any more, and takes a turn when
 * it drops those from memory.
 */
export class SeriesStore {
  readonly #deps: StoredPartDeps;
  readonly #options: SeriesStoreOptions;
  readonly #parts: StoreParts;
  readonly #cutter: Cutter;
  readonly #writtenCuts: WrittenCuts;
  readonly #retention: Retention;
  readonly #compactor: Compactor;
  readonly #commits: GroupCommit;
  readonly #turns = new SerialQueue();
  readonly #cuts = new SerialQueue();
  readonly #writers = new Map<string, OwnWriter>();
  readonly #samples: Counter;
  readonly #lateWrites: Counter;
  readonly #deadLog: DeadLog;
  /** A stream in here is being cut because it had too many marks; it gets no room meanwhile. */
  readonly #overdue = new Map<Stream, Promise<void>>();

  constructor(deps: StoredPartDeps, options: SeriesStoreOptions) {
    const { store, clock, logger, metrics } = deps;
    this.#deps = deps;
    this.#options = options;
    const index = new SeriesIndex();
    this.#parts = {
      store,
      index,
      written: new WrittenHead(index, clock.monotonicMs()),
      streams: new StreamTable(),
      partitions: new Partitions(),
      damage: new DamageKeeper(store, logger, metrics),
    };
    this.#cutter = new Cutter(this.#parts);
    this.#writtenCuts = new WrittenCuts(this.#parts, this.#turns, this.#cuts);
    this.#retention = new Retention(this.#parts);
    this.#deadLog = new DeadLog(store, clock);
    this.#compactor = new Compactor(this.#parts, this.#cuts, options.pause);
    this.#commits = new GroupCommit(
      { clock, logger, metrics, write: (items) => this.#writeItems(items) },
      { delayMs: options.commitDelayMs },
    );
    this.#samples = metrics.counter(
      "telltale_store_samples_stored_total",
      "Samples that were stored.",
    );
    this.#lateWrites = metrics.counter(
      "telltale_store_late_writes_dropped_total",
      "Writes of the aggregator's own series at or before the last time of their group.",
    );
  }

  /** Once, before anything else. */
  async recover(): Promise<void> {
    const { clock, metrics } = this.#deps;
    const recovery = new Recovery(this.#parts, this.#options.chunkMs);
    await recovery.run(clock.nowMs());
    metrics
      .counter(
        "telltale_store_undecodable_frames_total",
        "Frames of the write-ahead log that a damaged one before them made unreadable.",
      )
      .add(recovery.undecodableFrames);
    for (const stream of this.#parts.streams.all()) stream.activeAtMs = clock.monotonicMs();
  }

  position(node: string, streamId: string): StreamPosition {
    const stream = this.#parts.streams.find(node, streamId);
    if (stream === undefined) return { lastSeq: 0, epoch: 0, seriesKnown: 0, ...NO_FRAMES };
    const { epoch, seriesKnown } = stream.decoder;
    return { lastSeq: stream.lastSeq, epoch, seriesKnown, ...stream.accounts };
  }

  get counts(): { readonly series: number; readonly partitions: number } {
    return { series: this.#parts.index.size, partitions: this.#parts.partitions.count };
  }

  streams(): readonly StreamStatus[] {
    const statuses: StreamStatus[] = [];
    for (const stream of this.#parts.streams.all()) {
      const { node, streamId, lastSeq, lastTimeMs: lastTickMs, seriesAlive } = stream;
      if (node !== OWN_NODE) statuses.push({ node, streamId, lastSeq, lastTickMs, seriesAlive });
    }
    return statuses;
  }

  /** Takes what can be taken, in order. @throws OperationalError as GroupCommit.commit */
  async commit(
    items: readonly CommitItem[],
    owner: object | null = null,
  ): Promise<readonly CommitOutcome[]> {
    return await this.#commits.commit(items, owner);
  }

  /** Takes back what waits of the owner; what is being written goes on. */
  withdraw(owner: object): void {
    this.#commits.withdraw(owner);
  }

  /** Resolves when more of the stream can be taken. */
  async room(node: string, streamId: string): Promise<void> {
    await this.#commits.room();
    const stream = this.#parts.streams.find(node, streamId);
    if (stream !== undefined) await this.#overdue.get(stream);
  }

  /** As `commit`, of what is of no stream: waits for room first. */
  async writeRequest(request: WriteRequest): Promise<WriteOutcome> {
    await this.#commits.room();
    await this.#writtenCuts.room();
    const item = { kind: "samples", node: OWN_NODE, streamId: "", request } as const;
    const [outcome] = await this.#commits.commit([item]);
    assert(outcome?.kind === "written");
    return outcome;
  }

  /** How many series and texts there are. @param limit entries of each list, the largest first */
  figures(limit: number) {
    return storeFigures(this.#parts.index, this.#deps.clock.nowMs(), limit);
  }

  /** Series that others write at present. */
  get writtenSeries(): number {
    return this.#parts.written.seriesCount;
  }

  /** As GroupCommit.ended. */
  commitEnded(): Promise<void> {
    return this.#commits.ended();
  }

  /** How much of what can be taken is in use, in permille. */
  load(): number {
    return this.#commits.load();
  }

  /**
   * Samples with startMs < time <= endMs of the series that match every matcher; series without any
   * are left out. What is stored while series are taken may be among them.
   * @throws OperationalError QUERY for a bad pattern; STORAGE while series are taken
   */
  async select(
    matchers: readonly Matcher[],
    startMs: number,
    endMs: number,
  ): Promise<SelectedSeries> {
    return new Selection(this.#parts, startMs, endMs, () => endMs).run(matchers);
  }

  /**
   * The same without what a later epoch of its stream repeats: samples of the time before a clock
   * that was ahead was put right must not make an alert when that time comes.
   * @throws OperationalError as `select`
   */
  async selectUnrepeated(
    matchers: readonly Matcher[],
    startMs: number,
    endMs: number,
  ): Promise<SelectedSeries> {
    const endOf = (stream: number, epoch: number) =>
      this.#parts.streams.byNumber(stream)?.endOf(epoch) ?? endMs;
    return new Selection(this.#parts, startMs, endMs, endOf).run(matchers);
  }

  /** Label sets of the series that match any of the sets and were alive in the time, sorted. */
  async seriesLabels(sets: MatcherSets, startMs: number, endMs: number): Promise<Labels[]> {
    const labels = [...this.#matching(sets, startMs, endMs)].map((series) => series.labels);
    return labels.sort(compareLabels);
  }

  async labelNames(sets: MatcherSets, startMs: number, endMs: number): Promise<string[]> {
    const names = new Set<string>();
    for (const { labels } of this.#matching(sets, startMs, endMs)) {
      for (let i = 0; i < labels.length; i += 2) names.add(labels[i] ?? "");
    }
    return [...names].sort(compareText);
  }

  async labelValues(
    name: string,
    sets: MatcherSets,
    startMs: number,
    endMs: number,
  ): Promise<string[]> {
    const values = new Set<string>();
    for (const { labels } of this.#matching(sets, startMs, endMs)) {
      values.add(labelValue(labels, name));
    }
    values.delete("");
    return [...values].sort(compareText);
  }

  /**
   * Stores samples of the aggregator's own, safe when it resolves. Series of the group that were in
   * its last write and are not in this one end. A write at or before the last one's time is dropped
   * and counted.
   * @throws OperationalError STORAGE; LIMIT for a time too far ahead
   */
  async write(group: string, timeMs: number, samples: readonly VectorSample[]): Promise<void> {
    const writer = getOrInsert(this.#writers, group, () => {
      const stream = () => this.#parts.streams.find(OWN_NODE, group);
      return new OwnWriter(group, stream, (items) => this.#commits.commit(items));
    });
    const isWritten = await writer.write(timeMs, samples);
    if (!isWritten) this.#lateWrites.add();
  }

  /** Cuts the chunks that are due. */
  async cutDue(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const stream of [...this.#parts.streams.all()]) {
      const isIdle = nowMs - stream.activeAtMs >= this.#options.chunkMs;
      if (isIdle && stream.framesSinceMark > 0) await this.#turns.run(async () => stream.mark());
      if (stream.marks.length > (isIdle ? 0 : 1)) await this.#cut(stream, isIdle ? 0 : 1);
    }
    if (await this.#writtenCuts.runIfDue(nowMs, this.#options.chunkMs)) this.#deadLog.grew();
  }

  /**
   * Merges the chunks of the partitions that are complete: everything of their time is in chunks, and
   * none was added since the last call.
   */
  async compactDue(): Promise<void> {
    const settledMs = this.#deps.clock.nowMs() - HEAD_CHUNKS_MAX * this.#options.chunkMs;
    await this.#compactor.compactBefore(settledMs);
  }

  /** Gives back the disk space of the log that was cut off. */
  async reclaimLog(): Promise<void> {
    await this.#deadLog.reclaim();
  }

  /** Drops what is older than the retention, and gives back its disk space. */
  async dropExpired(): Promise<void> {
    const horizonMs = this.#retention.horizon(this.#deps.clock.nowMs(), this.#options.retentionMs);
    await this.#cuts.run(() =>
      this.#retention.apply(horizonMs, this.#turns, (stream) => {
        if (stream.node === OWN_NODE) this.#writers.delete(stream.streamId);
      }),
    );
  }

  async close(): Promise<void> {
    await this.#cuts.run(() => this.#turns.run(() => this.#deps.store.close()));
  }

  async #writeItems(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    const plan = await this.#turns.run(() => this.#carryOut(items));
    for (const stream of plan.touched) this.#cutIfOverdue(stream);
    this.#writtenCuts.runIfFull(this.#deps);
    return plan.outcomes;
  }

  async #carryOut(items: readonly CommitItem[]): Promise<CommitPlan> {
    const { clock, store } = this.#deps;
    const {
      futureLimitMs,
      retentionMs,
      chunkMs,
      writtenSeriesMax: seriesMax = WRITTEN_SERIES_MAX,
    } = this.#options;
    const nowMs = clock.nowMs();
    const times = { timeMinMs: Math.max(1, nowMs - retentionMs), timeMaxMs: nowMs + futureLimitMs };
    const plan = new CommitPlan(this.#parts, { ...times, seriesMax, chunkMs });
    for (const item of items) plan.add(item);
    try {
      if (plan.operations.length > 0) await store.batch(plan.operations, { sync: true });
    } catch (error) {
      plan.discard();
      throw error;
    }
    plan.carryOut();
    let samples = 0;
    for (const stream of plan.touched) stream.activeAtMs = clock.monotonicMs();
    for (const outcome of plan.outcomes) if ("samples" in outcome) samples += outcome.samples;
    this.#samples.add(samples);
    return plan;
  }

  /** Turns the rows up to the oldest marks into chunks until `marksKept` marks are left. */
  async #cut(stream: Stream, marksKept: number): Promise<void> {
    const { store } = this.#deps;
    await this.#cuts.run(async () => {
      for (;;) {
        const mark = stream.marks[0];
        if (mark === undefined || stream.marks.length <= marksKept) return;
        await this.#cutter.write(stream, mark);
        await this.#turns.run(async () => stream.dropMarked(this.#parts.index));
        await store.clear(framesUpTo(stream.number, mark.seq));
        await store.clear(definitionsOfEpochs(stream.number, 0, mark.epoch));
        this.#deadLog.grew();
      }
    });
  }

  /** A backlog that comes in faster than `cutDue` is called must not fill the memory. */
  #cutIfOverdue(stream: Stream): void {
    if (stream.marks.length <= MARKS_MAX || this.#overdue.has(stream)) return;
    const cut = this.#cut(stream, 1).catch((error) => {
      // What was committed is safe; the next `cutDue` tries again and reports.
      this.#deps.logger.warn({ node: stream.node }, `Chunks not written: ${errorMessage(error)}`);
    });
    this.#overdue.set(
      stream,
      cut.then(() => void this.#overdue.delete(stream)),
    );
  }

  *#matching(sets: MatcherSets, startMs: number, endMs: number): Iterable<Series> {
    const seen = new Set<Series>();
    for (const matchers of sets.length === 0 ? [[]] : sets) {
      for (const series of this.#parts.index.select(matchers)) {
        const isInTime = series.firstMs <= endMs && lastsAfter(series, startMs - 1);
        if (!isInTime || seen.has(series)) continue;
        seen.add(series);
        yield series;
      }
    }
  }
}
