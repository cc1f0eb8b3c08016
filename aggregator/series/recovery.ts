import { OperationalError } from "../../shared/errors.ts";
import { epochOfSeq } from "../../shared/model/sequence.ts";
import { type BatchOperation, type Entry, put } from "../../shared/platform/ports.ts";
import { type ParsedFrame, parseFrame } from "../../shared/wire/frame-decoder.ts";
import {
  checkpointKey,
  damagedKey,
  definitionsOfEpochs,
  framesAfter,
  keyWord,
  rangeOf,
  seqOfFrameKey,
  seriesKey,
  VERSION_KEY,
  WRITTEN_CHECKPOINT_KEY,
} from "./keys.ts";
import type { StoreParts } from "./parts.ts";
import {
  type Checkpoint,
  decodeCheckpoint,
  decodeDefinitions,
  decodeLogged,
  decodeSeries,
  decodeStream,
  encodeSeries,
} from "./records.ts";
import { storedLabels } from "./series-index.ts";
import { Stream } from "./stream.ts";
import { decodeWrittenCheckpoint, replayWritten } from "./written-log.ts";

/** From 2 on it may have merged chunks. */
const STORE_VERSION = 2;
const EPOCH_END = 2 ** 32 - 1;

/**
 * Brings back what was in memory when the store was last open: the series, the streams from their
 * checkpoints, and the recent rows by replaying the frames after those, one by one. A damaged record
 * is set aside and the start goes on without it.
 */
export class Recovery {
  readonly #parts: StoreParts;
  readonly #chunkMs: number;
  /** Frames of the log that could not be read for want of one before them. */
  undecodableFrames = 0;
  #lostCheckpoints = 0;

  constructor(parts: StoreParts, chunkMs: number) {
    this.#parts = parts;
    this.#chunkMs = chunkMs;
  }

  /** @throws OperationalError STORAGE when the store is of another version, or cannot be read */
  async run(nowMs: number): Promise<void> {
    const { damage, index, partitions, store, streams } = this.#parts;
    await this.#checkVersion();
    await partitions.load(store);
    await this.#loadSeries();
    for await (const entry of store.entries(rangeOf("stream"))) {
      const record = await damage.read(entry, decodeStream);
      const number = keyWord(entry[0], 0);
      streams.skipTo(number + 1);
      if (record === null) continue;
      const stream = new Stream(number, record.node, record.streamId);
      streams.add(stream);
      await this.#loadStream(stream);
    }
    await this.#skipUsedNumbers();
    await this.#loadWritten();
    // What it said of the newest chunk is lost too.
    if (this.#lostCheckpoints > 0) partitions.chunksEndMs = partitions.lastEndMs;
    for (const series of index.all()) {
      if (series.head.length > 0 || series.written >= 0) continue;
      // When it ended is not known: it is kept for as long as if it were now.
      if (series.lastMs === 0 || this.#lostCheckpoints > 0) series.lastMs = nowMs;
    }
  }

  async #checkVersion(): Promise<void> {
    const { store } = this.#parts;
    const version = (await store.get(VERSION_KEY))?.[0];
    if (version === undefined || version < STORE_VERSION) {
      await store.batch([put(VERSION_KEY, Uint8Array.of(STORE_VERSION))], { sync: true });
    } else if (version !== STORE_VERSION) {
      throw new OperationalError(
        "STORAGE",
        `The series store has format ${version}, this program knows ${STORE_VERSION}`,
      );
    }
  }

  async #loadSeries(): Promise<void> {
    const { damage, store, index } = this.#parts;
    for await (const entry of store.entries(rangeOf("series"))) {
      const record = await damage.read(entry, decodeSeries);
      const ref = keyWord(entry[0], 0);
      index.skipTo(ref + 1);
      if (record === null || index.find(record.labels) !== undefined) continue;
      index.add(ref, record.labels, record.firstMs, record.lastMs);
    }
    const aside = rangeOf("series");
    const last = await this.#lastKey({ gte: damagedKey(aside.gte), lt: damagedKey(aside.lt) });
    if (last !== null) index.skipTo(keyWord(last.subarray(1), 0) + 1);
  }

  /** Numbers of streams whose own record is gone must not be given again. */
  async #skipUsedNumbers(): Promise<void> {
    for (const kind of ["frame", "definitions", "checkpoint"] as const) {
      const last = await this.#lastKey(rangeOf(kind));
      if (last !== null) this.#parts.streams.skipTo(keyWord(last, 0) + 1);
    }
  }

  async #lastKey(range: { gte: Uint8Array; lt: Uint8Array }): Promise<Uint8Array | null> {
    let last: Uint8Array | null = null;
    const entries = this.#parts.store.entries({ ...range, reverse: true, limit: 1 });
    for await (const [key] of entries) last = key;
    return last;
  }

  async #loadStream(stream: Stream): Promise<void> {
    const { damage, store } = this.#parts;
    const key = checkpointKey(stream.number);
    const value = await store.get(key);
    const checkpoint =
      value === undefined ? null : await damage.read([key, value], decodeCheckpoint);
    if (value !== undefined && checkpoint === null) this.#lostCheckpoints += 1;
    if (checkpoint !== null) await this.#restore(stream, checkpoint);
    const replay = framesAfter(stream.number, checkpoint?.seq ?? 0);
    for await (const entry of store.entries(replay)) await this.#replay(stream, entry);
    // Tables that were sent and of which no frame came yet.
    await this.#loadDefinitions(stream, stream.decoder.epoch + 1, EPOCH_END);
  }

  /** What others wrote: from the checkpoint of its log on. */
  async #loadWritten(): Promise<void> {
    const { damage, partitions, store, written } = this.#parts;
    const value = await store.get(WRITTEN_CHECKPOINT_KEY);
    const checkpoint =
      value === undefined
        ? null
        : await damage.read([WRITTEN_CHECKPOINT_KEY, value], decodeWrittenCheckpoint);
    if (value !== undefined && checkpoint === null) this.#lostCheckpoints += 1;
    for (const { ref, lastMs } of checkpoint?.series ?? []) written.restore(ref, lastMs);
    if (checkpoint !== null) written.goOnFrom(checkpoint.segment + 1);
    partitions.chunksEndMs = Math.max(partitions.chunksEndMs, checkpoint?.chunksEndMs ?? 0);
    for await (const entry of store.entries(rangeOf("written"))) {
      const segment = keyWord(entry[0], 0);
      if (segment <= (checkpoint?.segment ?? 0)) continue;
      written.goOnFrom(segment + 1);
      await damage.read(entry, (bytes) => replayWritten(bytes, written));
    }
  }

  async #restore(stream: Stream, checkpoint: Checkpoint): Promise<void> {
    const { partitions } = this.#parts;
    stream.lastSeq = checkpoint.seq;
    stream.lastTimeMs = checkpoint.lastTimeMs;
    stream.timeEpoch = checkpoint.timeEpoch;
    stream.accounts = checkpoint.accounts;
    stream.setBacks = checkpoint.setBacks;
    partitions.chunksEndMs = Math.max(partitions.chunksEndMs, checkpoint.chunksEndMs);
    const epoch = epochOfSeq(checkpoint.seq);
    stream.decoder.define(epoch, []);
    await this.#loadDefinitions(stream, epoch, epoch + 1);
    const snapshot = parseFrame(checkpoint.snapshot);
    if (stream.decoder.check(snapshot) !== "take") {
      // Definitions are lost: values come back with the next keyframe.
      this.#lostCheckpoints += 1;
      return;
    }
    await this.#addLostSeries(stream, snapshot);
    stream.decoder.apply(snapshot);
    stream.restoreRows(snapshot, this.#parts.index);
  }

  async #replay(stream: Stream, entry: Entry): Promise<void> {
    const seq = seqOfFrameKey(entry[0]);
    const logged = await this.#parts.damage.read(entry, (bytes) => decodeFrame(bytes, seq));
    if (logged === null || seq <= stream.lastSeq) return;
    const { frame, isStored } = logged;
    const { decoder } = stream;
    const epoch = epochOfSeq(seq);
    if (epoch > decoder.epoch) {
      decoder.define(epoch, []);
      await this.#loadDefinitions(stream, epoch, epoch + 1);
    }
    if (decoder.check(frame) !== "take") {
      this.undecodableFrames += 1;
      return;
    }
    await this.#addLostSeries(stream, frame);
    stream.apply(frame, isStored, this.#parts.index);
    stream.markIfDue(this.#chunkMs);
  }

  /** Definitions of the epochs from `first` up to, not including, `end`. */
  async #loadDefinitions(stream: Stream, first: number, end: number): Promise<void> {
    const { damage, store } = this.#parts;
    const range = definitionsOfEpochs(stream.number, first, end);
    for await (const entry of store.entries(range)) {
      const definitions = await damage.read(entry, decodeDefinitions);
      if (definitions === null) continue;
      const epoch = keyWord(entry[0], 1);
      const known = epoch === stream.decoder.epoch ? stream.decoder.seriesKnown : 0;
      const added = definitions.filter(({ id }) => id >= known);
      // After a lost record there is a gap; the agent will be asked for all from there on.
      if ((added[0]?.id ?? known) > known) continue;
      stream.decoder.define(epoch, added);
    }
  }

  /** Series of the frame that the index lost get a new record. */
  async #addLostSeries(stream: Stream, frame: ParsedFrame): Promise<void> {
    const { index, store } = this.#parts;
    const operations: BatchOperation[] = [];
    for (const { changed, ageMs } of frame.groups) {
      if (stream.hasColumns(changed)) continue;
      for (const id of changed) {
        const definition = stream.decoder.definitions[id];
        if (definition === undefined) continue;
        const labels = storedLabels(stream.node, definition.labels);
        if (index.find(labels) !== undefined) continue;
        const ref = index.nextRef;
        const firstMs = frame.timeMs - ageMs;
        index.add(ref, labels, firstMs, 0);
        operations.push(put(seriesKey(ref), encodeSeries({ labels, firstMs, lastMs: 0 })));
      }
    }
    if (operations.length > 0) await store.batch(operations, { sync: true });
  }
}

function decodeFrame(
  bytes: Uint8Array,
  seq: number,
): { readonly frame: ParsedFrame; readonly isStored: boolean } {
  const { frame: frameBytes, isStored } = decodeLogged(bytes);
  const frame = parseFrame(frameBytes);
  if (frame.seq !== seq) {
    throw new OperationalError("PARSE", `frame ${frame.seq} lies in the place of ${seq}`);
  }
  return { frame, isStored };
}
