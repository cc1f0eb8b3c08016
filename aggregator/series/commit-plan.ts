import { errorMessage } from "../../shared/errors.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import { countOfSeq, EPOCH_MAX, epochOfSeq } from "../../shared/model/sequence.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import { type BatchOperation, put } from "../../shared/platform/ports.ts";
import { STREAM_SERIES_MAX } from "../../shared/wire/frame.ts";
import { type ParsedFrame, parseFrame, readFrameHeader } from "../../shared/wire/frame-decoder.ts";
import type { CommitItem, CommitOutcome, RejectionReason } from "../model/commit.ts";
import type { WriteRequest } from "../model/write-request.ts";
import { definitionsKey, frameKey, seriesKey, streamKey, writtenKey } from "./keys.ts";
import type { StoreParts } from "./parts.ts";
import { encodeDefinitions, encodeLogged, encodeSeries, encodeStream } from "./records.ts";
import { type SeriesIndex, storedLabels } from "./series-index.ts";
import { Stream } from "./stream.ts";
import { encodeStaged } from "./written-log.ts";

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
  /** Written samples with an earlier time are refused. */
  readonly timeMinMs: number;
  /** Frames, and written samples, with a later time are refused. */
  readonly timeMaxMs: number;
  /** Of series that are written to. */
  readonly seriesMax: number;
  readonly chunkMs: number;
};

type Step = (index: SeriesIndex) => void;

type NewSeries = { readonly ref: number; readonly labels: Labels; readonly firstMs: number };

/**
 * Decides on items without changing anything: what they would write, and what is to be done in
 * memory once that is on the disk. If the write fails the plan is thrown away and all is as before.
 */
export class CommitPlan {
  readonly operations: BatchOperation[] = [];
  readonly outcomes: CommitOutcome[] = [];
  /** Streams that something is done to when the plan is carried out. */
  readonly touched = new Set<Stream>();
  readonly #parts: StoreParts;
  readonly #limits: CommitLimits;
  readonly #positions = new Map<string, Position>();
  readonly #newStreams: Stream[] = [];
  readonly #newSeries = new Map<string, NewSeries>();
  readonly #steps: Step[] = [];
  #streamsMade = 0;

  constructor(parts: StoreParts, limits: CommitLimits) {
    this.#parts = parts;
    this.#limits = limits;
  }

  add(item: CommitItem): void {
    if (item.kind === "samples") {
      this.#addWritten(item.request);
      return;
    }
    const position = this.#positionOf(item.node, item.streamId);
    if (item.kind === "series") this.#addSeries(position, item.epoch, item.series);
    else this.#addFrame(position, item.bytes);
  }

  /** Nothing of it could be written. */
  discard(): void {
    this.#parts.written.discard();
  }

  /** Once the operations are on the disk. */
  carryOut(): void {
    for (const stream of this.#newStreams) this.#parts.streams.add(stream);
    for (const { ref, labels, firstMs } of this.#newSeries.values()) {
      this.#parts.index.add(ref, labels, firstMs, 0);
    }
    this.#parts.written.publish();
    for (const step of this.#steps) step(this.#parts.index);
  }

  #addWritten(request: WriteRequest): void {
    const { written } = this.#parts;
    const from = written.stagedCount;
    const refOf = (labels: Labels, firstMs: number) => this.#refOf(labels, firstMs);
    this.outcomes.push(written.stage(request, { ...this.#limits, refOf }));
    const record = encodeStaged(written, from);
    if (record === null) return;
    written.logged += 1;
    this.operations.push(put(writtenKey(written.open.number, written.logged), record));
  }

  #positionOf(node: string, streamId: string): Position {
    return getOrInsert(this.#positions, `${node}\u0000${streamId}`, () => {
      const stream = this.#parts.streams.find(node, streamId) ?? this.#newStream(node, streamId);
      const { lastSeq, lastTimeMs, timeEpoch } = stream;
      const { epoch, seriesKnown, lastSeq: baseSeq } = stream.decoder;
      const taken = { stream, epoch, seriesKnown, lastSeq, baseSeq, lastTimeMs, timeEpoch };
      return { ...taken, added: [], addedFrom: seriesKnown };
    });
  }

  /** Its record is written, and it is kept, only when something of it is taken. */
  #newStream(node: string, streamId: string): Stream {
    const number = this.#parts.streams.nextNumber + this.#streamsMade;
    this.#streamsMade += 1;
    return new Stream(number, node, streamId);
  }

  #touch(position: Position): void {
    const { stream } = position;
    if (this.touched.has(stream)) return;
    this.touched.add(stream);
    if (this.#parts.streams.find(stream.node, stream.streamId) !== undefined) return;
    this.#newStreams.push(stream);
    this.operations.push(put(streamKey(stream.number), encodeStream(stream)));
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
    const key = definitionsKey(position.stream.number, epoch, firstId);
    this.operations.push(put(key, encodeDefinitions(added)));
    if (epoch !== position.epoch) beginEpoch(position, epoch);
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
    const { stream } = position;
    const frameEpoch = epochOfSeq(seq);
    if (frame.seriesCount === 0 && frameEpoch > position.epoch) {
      // An epoch without series has no definitions to begin it.
      beginEpoch(position, frameEpoch);
      this.#steps.push(() => stream.decoder.define(frameEpoch, []));
    }
    const { epoch, seriesKnown, baseSeq } = position;
    if (frameEpoch !== epoch || frame.seriesCount > seriesKnown) {
      const needs = `epoch ${frameEpoch} with ${frame.seriesCount} series`;
      const detail = `It needs ${needs}, known is ${epoch} with ${seriesKnown}`;
      this.#reject(seq, "unknown-series", detail);
      return;
    }
    if (!frame.isKeyframe && seq !== baseSeq + 1) {
      this.#reject(seq, "no-base", `A delta on frame ${seq - 1}, but the last is ${baseSeq}`);
      return;
    }
    const place = this.outcomes.length;
    const missing = missingBefore(position, frame);
    const isStored = this.#checkTime(position, frame);
    this.#touch(position);
    this.#addNewSeries(position, frame);
    this.operations.push(put(frameKey(stream.number, seq), encodeLogged(bytes, isStored)));
    position.lastSeq = seq;
    position.baseSeq = seq;
    if (isStored) {
      position.lastTimeMs = timeMs;
      position.timeEpoch = epoch;
    }
    this.#steps.push((index) => {
      const samples = stream.apply(frame, isStored, index);
      stream.markIfDue(this.#limits.chunkMs);
      if (isStored) this.outcomes[place] = { kind: "stored", seq, timeMs, samples, missing };
    });
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

  #addIfNew(node: string, definition: SeriesDefinition, firstMs: number): void {
    this.#refOf(storedLabels(node, definition.labels), firstMs);
  }

  #refOf(labels: Labels, firstMs: number): number {
    const known = this.#parts.index.find(labels);
    if (known !== undefined) return known.ref;
    const key = labelsKey(labels);
    const planned = this.#newSeries.get(key);
    if (planned !== undefined) return planned.ref;
    const ref = this.#parts.index.nextRef + this.#newSeries.size;
    this.#newSeries.set(key, { ref, labels, firstMs });
    this.operations.push(put(seriesKey(ref), encodeSeries({ labels, firstMs, lastMs: 0 })));
    return ref;
  }

  #reject(seq: number, reason: RejectionReason, detail: string): void {
    this.outcomes.push({ kind: "rejected", seq, reason, detail });
  }
}

function beginEpoch(position: Position, epoch: number): void {
  position.epoch = epoch;
  position.seriesKnown = 0;
  position.added = [];
  position.addedFrom = 0;
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
