import { errorMessage } from "../../shared/errors.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import { countOfSeq, EPOCH_MAX, epochOfSeq } from "../../shared/model/sequence.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { BatchOperation } from "../../shared/platform/ports.ts";
import { STREAM_SERIES_MAX } from "../../shared/wire/frame.ts";
import { type ParsedFrame, parseFrame, readFrameHeader } from "../../shared/wire/frame-decoder.ts";
import type { CommitItem, CommitOutcome, RejectionReason } from "../model/commit.ts";
import { definitionsKey, frameKey, seriesKey, streamKey } from "./keys.ts";
import { encodeDefinitions, encodeLogged, encodeSeries, encodeStream } from "./records.ts";
import { type SeriesIndex, storedLabels } from "./series-index.ts";
import { Stream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";

/** Where a stream would stand after the items planned so far. */
type Position = {
  readonly stream: Stream;
  epoch: number;
  seriesKnown: number;
  lastSeq: number;
  /** The sequence whose values a delta would start from. */
  baseSeq: number;
  lastTimeMs: number;
  timeEpoch: number;
  /** Definitions of `epoch` that the stream's decoder does not have yet, and the first one's id. */
  added: SeriesDefinition[];
  addedFrom: number;
};

export type CommitLimits = {
  /** Frames with a later time are refused. */
  readonly timeMaxMs: number;
  readonly chunkMs: number;
};

type Step = (index: SeriesIndex) => void;

/**
 * Decides on items without changing anything: what they would write, and what is to be done in
 * memory once that is on the disk. If the write fails the plan is thrown away and all is as before.
 */
export class CommitPlan {
  readonly operations: BatchOperation[] = [];
  readonly outcomes: CommitOutcome[] = [];
  readonly newStreams: Stream[] = [];
  /** Streams that something is done to when the plan is carried out. */
  readonly touched = new Set<Stream>();
  readonly #index: SeriesIndex;
  readonly #streams: StreamTable;
  readonly #limits: CommitLimits;
  readonly #positions = new Map<string, Position>();
  readonly #newSeries = new Map<string, { readonly ref: number; readonly labels: Labels }>();
  readonly #firstMs: number[] = [];
  readonly #steps: Step[] = [];
  #streamsMade = 0;

  constructor(index: SeriesIndex, streams: StreamTable, limits: CommitLimits) {
    this.#index = index;
    this.#streams = streams;
    this.#limits = limits;
  }

  add(item: CommitItem): void {
    const position = this.#positionOf(item.node, item.streamId);
    if (item.kind === "series") this.#addSeries(position, item.epoch, item.series);
    else this.#addFrame(position, item.bytes);
  }

  /** Once the operations are on the disk. */
  carryOut(): void {
    for (const stream of this.newStreams) this.#streams.add(stream);
    let place = 0;
    for (const { ref, labels } of this.#newSeries.values()) {
      this.#index.add(ref, labels, this.#firstMs[place] ?? 0, 0);
      place += 1;
    }
    for (const step of this.#steps) step(this.#index);
  }

  #positionOf(node: string, streamId: string): Position {
    const key = `${node}\u0000${streamId}`;
    const known = this.#positions.get(key);
    if (known !== undefined) return known;
    const existing = this.#streams.find(node, streamId);
    const stream = existing ?? this.#newStream(node, streamId);
    const { decoder, lastSeq, lastTimeMs, timeEpoch } = stream;
    const position: Position = {
      stream,
      epoch: decoder.epoch,
      seriesKnown: decoder.seriesKnown,
      lastSeq,
      baseSeq: decoder.lastSeq,
      lastTimeMs,
      timeEpoch,
      added: [],
      addedFrom: decoder.seriesKnown,
    };
    this.#positions.set(key, position);
    return position;
  }

  /** Its record is written, and it is kept, only when something of it is taken. */
  #newStream(node: string, streamId: string): Stream {
    const number = this.#streams.nextNumber + this.#streamsMade;
    this.#streamsMade += 1;
    return new Stream(number, node, streamId);
  }

  #touch(position: Position): void {
    const { stream } = position;
    if (this.touched.has(stream)) return;
    this.touched.add(stream);
    if (this.#streams.find(stream.node, stream.streamId) !== undefined) return;
    this.newStreams.push(stream);
    const { node, streamId } = stream;
    this.operations.push({
      type: "put",
      key: streamKey(stream.number),
      value: encodeStream({ node, streamId }),
    });
  }

  #addSeries(position: Position, epoch: number, series: readonly SeriesDefinition[]): void {
    const known = epoch === position.epoch ? position.seriesKnown : 0;
    const fault = definitionsFault(position, epoch, series);
    if (fault !== null) {
      this.#reject(0, "unknown-series", fault);
      return;
    }
    // An agent that did not hear the last answer may say again what is known already.
    const added = series.filter(({ id }) => id >= known);
    const firstId = added[0]?.id ?? known;
    this.outcomes.push({ kind: "defined", seriesKnown: known + added.length });
    if (added.length === 0) return;
    this.#touch(position);
    this.operations.push({
      type: "put",
      key: definitionsKey(position.stream.number, epoch, firstId),
      value: encodeDefinitions(added),
    });
    if (epoch !== position.epoch) {
      position.epoch = epoch;
      position.added = [];
      position.addedFrom = 0;
    }
    for (const definition of added) position.added.push(definition);
    position.seriesKnown = known + added.length;
    const { stream } = position;
    this.#steps.push(() => stream.decoder.define(epoch, added));
  }

  #addFrame(position: Position, bytes: Uint8Array): void {
    let frame: ParsedFrame;
    try {
      frame = parseFrame(bytes);
    } catch (error) {
      this.#reject(seqOfCorrupt(bytes), "corrupt", errorMessage(error));
      return;
    }
    const { seq, timeMs } = frame;
    if (seq <= position.lastSeq) {
      this.outcomes.push({ kind: "duplicate", seq });
      return;
    }
    if (frame.seriesCount === 0 && epochOfSeq(seq) > position.epoch)
      this.#beginEpoch(position, seq);
    if (epochOfSeq(seq) !== position.epoch || frame.seriesCount > position.seriesKnown) {
      const { epoch, seriesKnown } = position;
      const needs = `epoch ${epochOfSeq(seq)} with ${frame.seriesCount} series`;
      this.#reject(
        seq,
        "unknown-series",
        `It needs ${needs}, known is ${epoch} with ${seriesKnown}`,
      );
      return;
    }
    if (!frame.isKeyframe && seq !== position.baseSeq + 1) {
      this.#reject(
        seq,
        "no-base",
        `A delta on frame ${seq - 1}, but the last is ${position.baseSeq}`,
      );
      return;
    }
    const place = this.outcomes.length;
    const missing = missingBefore(position, frame);
    const isStored = this.#checkTime(position, frame);
    this.#touch(position);
    this.#addNewSeries(position, frame);
    this.operations.push({
      type: "put",
      key: frameKey(position.stream.number, seq),
      value: encodeLogged(bytes, isStored),
    });
    position.lastSeq = seq;
    position.baseSeq = seq;
    if (isStored) {
      position.lastTimeMs = timeMs;
      position.timeEpoch = position.epoch;
    }
    const { stream } = position;
    this.#steps.push((index) => {
      const samples = stream.apply(frame, isStored, index);
      stream.markIfDue(this.#limits.chunkMs);
      if (isStored) this.outcomes[place] = { kind: "stored", seq, timeMs, samples, missing };
    });
  }

  /** An epoch without series has no definitions to begin it. */
  #beginEpoch(position: Position, seq: number): void {
    const epoch = epochOfSeq(seq);
    position.epoch = epoch;
    position.seriesKnown = 0;
    position.added = [];
    position.addedFrom = 0;
    this.#steps.push(() => position.stream.decoder.define(epoch, []));
  }

  /** False when the frame's samples are refused for their time; its outcome then says so. */
  #checkTime(position: Position, frame: ParsedFrame): boolean {
    const { seq, timeMs } = frame;
    const { timeMaxMs } = this.#limits;
    if (timeMs > timeMaxMs) {
      this.#reject(seq, "future", `Its time ${timeMs} is after ${timeMaxMs}, the latest allowed`);
      return false;
    }
    if (position.timeEpoch === position.epoch && timeMs <= position.lastTimeMs) {
      this.#reject(seq, "out-of-order", `Its time ${timeMs} is not after ${position.lastTimeMs}`);
      return false;
    }
    // Holds the place until the samples are counted.
    this.outcomes.push({ kind: "stored", seq, timeMs, samples: 0, missing: 0 });
    return true;
  }

  /** Series that the frame names and that the index does not have get a ref and a record. */
  #addNewSeries(position: Position, frame: ParsedFrame): void {
    const { stream } = position;
    const isCurrent = position.epoch === stream.decoder.epoch;
    for (const { changed, ageMs } of frame.groups) {
      if (isCurrent && stream.hasColumns(changed)) continue;
      for (const id of changed) {
        const definition = definitionOf(position, id);
        if (definition !== undefined) this.#addIfNew(stream.node, definition, frame.timeMs - ageMs);
      }
    }
  }

  #addIfNew(node: string, definition: SeriesDefinition, timeMs: number): void {
    const labels = storedLabels(node, definition.labels);
    if (this.#index.find(labels) !== undefined) return;
    const key = labelsKey(labels);
    if (this.#newSeries.has(key)) return;
    const ref = this.#index.nextRef + this.#newSeries.size;
    this.#newSeries.set(key, { ref, labels });
    this.#firstMs.push(timeMs);
    this.operations.push({
      type: "put",
      key: seriesKey(ref),
      value: encodeSeries({ labels, firstMs: timeMs, lastMs: 0 }),
    });
  }

  #reject(seq: number, reason: RejectionReason, detail: string): void {
    this.outcomes.push({ kind: "rejected", seq, reason, detail });
  }
}

function definitionOf(position: Position, id: number): SeriesDefinition | undefined {
  if (id >= position.addedFrom) return position.added[id - position.addedFrom];
  return position.stream.decoder.definitions[id];
}

/**
 * Why definitions do not follow on what a stream knows, or null. They follow with any id that is known
 * or the next one, or with id 0 of a later epoch, and each by one on the one before.
 */
export function definitionsFault(
  position: { readonly epoch: number; readonly seriesKnown: number },
  epoch: number,
  series: readonly SeriesDefinition[],
): string | null {
  if (epoch < 1 || epoch > EPOCH_MAX || epoch < position.epoch) {
    return `Series of epoch ${epoch} after epoch ${position.epoch}`;
  }
  const known = epoch === position.epoch ? position.seriesKnown : 0;
  let nextId = Math.min(series[0]?.id ?? known, known);
  if (nextId + series.length > STREAM_SERIES_MAX) {
    return `More than ${STREAM_SERIES_MAX} series in epoch ${epoch}`;
  }
  for (const { id } of series) {
    if (id !== nextId) return `Series ${id} of epoch ${epoch} where ${nextId} should follow`;
    nextId += 1;
  }
  return null;
}

/** Sequences before the frame's that were skipped; how far an earlier epoch went is not known. */
function missingBefore(position: Position, frame: ParsedFrame): number {
  const isSameEpoch = epochOfSeq(position.lastSeq) === epochOfSeq(frame.seq);
  return isSameEpoch ? frame.seq - position.lastSeq - 1 : countOfSeq(frame.seq) - 1;
}

function seqOfCorrupt(bytes: Uint8Array): number {
  try {
    return readFrameHeader(bytes).seq;
  } catch {
    return 0; // not even its head can be trusted
  }
}
