import { strict as assert } from "node:assert";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Accounts, DroppedRange } from "../../shared/model/accounts.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type {
  BatchOperation,
  Clock,
  KeyValueStore,
  Logger,
  Random,
} from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { countOfSeq, epochOfSeq, FRAME_BYTES_MAX, seqOf } from "../../shared/wire/frame.ts";
import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";
import { Books } from "./books.ts";
import { BufferMetrics } from "./buffer-metrics.ts";
import { Compactor } from "./compactor.ts";
import { DISK_LOOK_MS, DiskSpace } from "./disk-space.ts";
import { type Missing, readFrames } from "./frame-reader.ts";
import {
  accountsOf,
  type Ledger,
  type Settlement,
  withQueued,
  withSettled,
} from "./ledger-state.ts";
import { type BufferedFrame, readDefinitions, removeFrames, timedDrops } from "./ranges.ts";
import {
  encodeIdentity,
  frameOperations,
  IDENTITY_KEY,
  stretchDeletion,
  stretchPut,
} from "./records.ts";
import { DAMAGED, newStreamId, type Recovered, recover, removeAfter } from "./recovery.ts";
import { Refusals } from "./refusals.ts";
import { Room, type StreamLimits } from "./room.ts";
import type { Stretch, Stretches } from "./stretches.ts";

export type BufferDeps = {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Bytes that are left on the disk of the store. */
  readonly freeBytes: () => Promise<number>;
};

/** Opens the queue in `store`, which stays the caller's to close. @throws OperationalError STORAGE */
export async function openFrameBuffer(
  deps: BufferDeps,
  limits: StreamLimits,
): Promise<FrameBuffer> {
  return new FrameBuffer(deps, limits, await recover(deps.store, deps.random, deps.logger));
}

/**
 * Frames wait here, on the disk, from `append` until the aggregator has them safely (`ack`). What
 * was acked is kept down to the last keyframe, so that an aggregator that lost its state can be
 * served. When bytes or age go over the limit the oldest stretches are dropped and counted. The
 * ledger says where every frame ever made is.
 */
export class FrameBuffer {
  /** The epoch this process begins with; no frame of it was sent before. */
  readonly epoch: number;
  readonly #deps: BufferDeps;
  readonly #limits: StreamLimits;
  readonly #shown: BufferMetrics;
  readonly #stretches: Stretches;
  readonly #refusals = new Refusals();
  readonly #compactor: Compactor;
  readonly #changes = new ChangeSignal();
  readonly #space = new ChangeSignal();
  #frees = 0; // how often there may have been more room
  readonly #room: Room;
  readonly #books: Books;
  #turn: Promise<unknown> = Promise.resolve();
  #handedOutSeq: number;
  /** The last frame that was appended, so that sending it at once reads nothing. */
  #newest: BufferedFrame | null = null;
  #hasLeftovers = false;
  /** Their deletion failed, and may be there after all. */
  #doubtful: readonly Stretch[] = [];
  #damagedEpoch = 0;

  /** @internal Use `openFrameBuffer`. */
  constructor(deps: BufferDeps, limits: StreamLimits, { ledger, stretches }: Recovered) {
    this.#deps = deps;
    this.#limits = limits;
    this.#books = new Books(deps.store, ledger);
    this.#stretches = stretches;
    this.epoch = ledger.epoch;
    this.#handedOutSeq = seqOf(this.epoch, 0);
    this.#shown = new BufferMetrics(deps.metrics);
    this.#compactor = new Compactor(deps.store, deps.logger);
    const { clock } = deps;
    const disk = new DiskSpace(clock, deps.freeBytes, limits.freeBytesMin);
    const parts = { clock, disk, stretches, books: this.#books, compactor: this.#compactor };
    this.#room = new Room(parts, limits, (reason) => this.#dropOldest(reason));
    this.#show();
  }

  get streamId(): string {
    return this.#books.ledger.streamId;
  }

  /** Everything up to here is acked or dropped. */
  get ackedSeq(): number {
    return this.#books.ledger.settledSeq;
  }

  get accounts(): Accounts {
    return accountsOf(this.#books.current);
  }

  /** The first frame that can be read, 0 where there is none. */
  get oldestSeq(): number {
    return this.#stretches.at(0)?.seq ?? 0;
  }

  /** The last frame that can be read; where there is none, the last one there was. */
  get newestSeq(): number {
    return this.#books.ledger.newestSeq;
  }

  /** No frame after this one can have been sent by this process or one before it. */
  get handedOutSeq(): number {
    return this.#handedOutSeq;
  }

  /**
   * An epoch that was never used. Needed after an `append` that failed and after a step back of
   * the clock. It becomes durable with the first frame of it, before which nobody can see it.
   */
  nextEpoch(): number {
    return this.#books.nextEpoch();
  }

  /**
   * True when the frame is durable; false when there was no room for it, which is counted. After
   * that, and when it rejects, go on with the first frame of a new epoch: what builds on a lost one
   * is refused. A stream that blocks waits for room until `signal` is aborted. A frame for which it
   * rejected is to be `discard`ed, or appended again.
   * @throws OperationalError STORAGE when it cannot be written or builds on a frame that was not,
   * LIMIT when it is larger than the limit allows
   */
  async append(frame: EncodedFrame, signal?: AbortSignal): Promise<boolean> {
    for (;;) {
      const frees = this.#frees;
      const refusal = await this.#tryAppend(frame);
      if (refusal === null) break;
      if (this.#limits.whenFull !== "block") {
        this.discard(frame, refusal);
        return false;
      }
      if (refusal === "disk_low") await this.#deps.clock.sleep(DISK_LOOK_MS, signal);
      else if (frees === this.#frees) await this.#space.wait(signal);
    }
    this.#changes.notify();
    return true;
  }

  /** Counts a frame that was made and could not be appended. */
  discard(frame: EncodedFrame, reason: string): void {
    const { seq, timeMs, sampleCount } = frame;
    const ends = { fromSeq: seq, toSeq: seq, fromMs: timeMs, toMs: timeMs };
    this.#books.discard({ ...ends, reason, frames: 1, samples: sampleCount });
    this.#show();
  }

  /** The oldest ranges of drops not yet reported, the same ones until they are, over restarts too. */
  droppedRanges(max: number): readonly DroppedRange[] {
    return this.#books.droppedRanges(max);
  }

  /** The aggregator has all up to this id. */
  rangesReported(upTo: number): void {
    this.#books.rangesReported(upTo);
  }

  /**
   * Frames after `afterSeq`, oldest first: at most `framesMax`, at most `bytesMax` bytes unless the
   * first alone is larger. One that fails its checksum is left out and counted as damaged. Empty
   * when nothing is left to read up to the `newestSeq` of the call.
   */
  async read(
    afterSeq: number,
    framesMax: number,
    bytesMax: number,
  ): Promise<readonly BufferedFrame[]> {
    const newestSeq = this.newestSeq;
    const lastSeq = Math.max(afterSeq, (this.#stretches.at(0)?.seq ?? newestSeq + 1) - 1);
    if (lastSeq >= newestSeq) return [];
    const { queued } = this.#books.ledger;
    const next = (seq: number) => this.#stretches.seqAfter(seq, queued);
    const span = { afterSeq: lastSeq, toSeq: newestSeq, framesMax, bytesMax, next };
    const newest =
      this.#newest?.seq === lastSeq + 1 ? { frames: [this.#newest], missing: [] } : null;
    const { frames, missing } = newest ?? (await readFrames(this.#deps.store, span));
    for (const gap of missing) this.#noteDamage(gap);
    this.#handedOutSeq = Math.max(this.#handedOutSeq, frames.at(-1)?.seq ?? 0);
    return frames;
  }

  /** Definitions of ids from `fromId` to before `toId`; fewer when the next one is damaged. */
  async definitions(epoch: number, fromId: number, toId: number): Promise<SeriesDefinition[]> {
    const definitions = await readDefinitions(this.#deps.store, epoch, fromId, toId);
    const id = fromId + definitions.length;
    if (id < toId && this.#damagedEpoch !== epoch) {
      this.#deps.logger.error({ epoch, id }, "a series definition in the buffer is damaged");
      this.#damagedEpoch = epoch;
    }
    return definitions;
  }

  /**
   * The aggregator has everything up to `seq`, except what it refused (`dropped`). A repeated ack
   * does nothing. When it rejects, the frames wait on and a later ack settles them. An ack that
   * frees nothing is written with the next frame: after a crash the aggregator says it again.
   * @throws OperationalError PROTOCOL when there is no such frame, STORAGE when the disk fails
   */
  async ack(seq: number): Promise<void> {
    if (seq > this.newestSeq) {
      throw new OperationalError("PROTOCOL", `Ack of frame ${seq}, the last is ${this.newestSeq}`);
    }
    await this.#alone(async () => {
      if (seq <= this.#books.ledger.settledSeq) return;
      const count = this.#stretches.countBelow(seq);
      if (count > 0 || this.#refusals.hasUpTo(seq)) await this.#settle(seq, null, count);
      else this.#books.note(this.#settlement(seq, null)); // nothing was refused of it
      this.#frees += 1;
      this.#space.notify();
      this.#show();
    });
  }

  /** The frame will not be stored; it counts as dropped as soon as an ack covers it. */
  dropped(seq: number, reason: string): void {
    if (seq <= this.#books.ledger.settledSeq || seq > this.newestSeq) return;
    this.#refusals.add(seq, { reason, frames: 1, toSeq: seq });
  }

  /**
   * Goes on under a new stream id. For when the aggregator holds frames of this stream that this
   * buffer never sent: an older copy of its disk was put back, and what is made now under the same
   * sequences would pass for duplicates. Frames of processes before this one count as stored.
   */
  async renewStream(): Promise<void> {
    await this.#alone(async () => {
      const seq = Math.min(this.newestSeq, seqOf(this.epoch, 0));
      await this.#settle(Math.max(seq, this.ackedSeq), null, 0);
      // Nothing that is settled may be read again: the new stream would have it twice.
      const { settledFrames, queued } = this.#books.ledger;
      const count = this.#stretches.countWithin(settledFrames, queued);
      await this.#settle(this.ackedSeq, null, count);
      const streamId = newStreamId(this.#deps.random);
      const put = { type: "put", key: IDENTITY_KEY, value: encodeIdentity(streamId) } as const;
      await this.#write((ledger) => ({ ...ledger, streamId }), [put], { sync: true });
    });
  }

  /** Resolves after the next frame is appended; rejects with the signal's reason. */
  async changed(signal: AbortSignal): Promise<void> {
    await this.#changes.wait(signal);
  }

  /** Writes what was noted. When it resolves nothing is being written; then the store may be closed. */
  async close(): Promise<void> {
    await this.#alone(async () => {
      await this.#compactor.settled();
      if (!this.#books.isAhead) return;
      try {
        await this.#write((ledger) => ledger, [], { sync: false });
      } catch (error) {
        this.#deps.logger.warn({ error: errorMessage(error) }, "the last acks were not written");
      }
    });
  }

  async #tryAppend(frame: EncodedFrame): Promise<string | null> {
    return await this.#alone(async () => {
      assert(frame.seq > this.#books.ledger.newestSeq, "sequences ascend");
      if (this.#hasLeftovers) await removeAfter(this.#deps.store, this.newestSeq);
      this.#hasLeftovers = false;
      return await this.#queue(frame);
    });
  }

  /** Null, or why there is no room for it. */
  async #queue(frame: EncodedFrame): Promise<string | null> {
    const operations = frameOperations(frame);
    const bytes = operations.reduce((sum, { value }) => sum + value.length, 0);
    if (frame.bytes.length > FRAME_BYTES_MAX || bytes > this.#limits.bytesMax) {
      throw new OperationalError(
        "LIMIT",
        `Frame ${frame.seq} of ${bytes} bytes with its definitions is too large for the buffer`,
      );
    }
    const refusal = await this.#room.make(bytes);
    if (refusal !== null) return refusal;
    this.#checkBase(frame);
    const stretch = { seq: frame.seq, timeMs: frame.timeMs, before: this.#books.ledger.queued };
    const { seq, isKeyframe } = frame;
    if (isKeyframe) operations.push(stretchPut(stretch));
    const added = { frames: 1, bytes, samples: frame.sampleCount };
    try {
      await this.#write((ledger) => withQueued(ledger, seq, added), operations, {
        sync: true,
        onWritten: () => isKeyframe && this.#stretches.push(stretch),
      });
      const { timeMs, seriesCount } = frame;
      this.#newest = { seq, timeMs, bytes: frame.bytes, seriesCount };
      return null;
    } catch (error) {
      this.#hasLeftovers = true; // a write that failed may be there after all
      throw error;
    }
  }

  /** The frame must be readable from what is there: the next one, or the first of an epoch. */
  #checkBase(frame: EncodedFrame): void {
    const isNext = frame.seq === this.newestSeq + 1 && this.#stretches.length > 0;
    const isFirst = countOfSeq(frame.seq) === 1 && frame.isKeyframe;
    const isDamaged = epochOfSeq(frame.seq) === this.#damagedEpoch;
    if ((isNext || isFirst) && !isDamaged) return;
    throw new OperationalError("STORAGE", `Frame ${frame.seq} builds on one that is lost`);
  }

  async #dropOldest(reason: string): Promise<void> {
    const next = this.#stretches.at(1);
    const endSeq = next === undefined ? this.newestSeq : next.seq - 1;
    await this.#settle(Math.max(endSeq, this.#books.ledger.settledSeq), reason, 1);
  }

  /**
   * Settles everything up to `seq`: what was not refused is stored, or dropped for `reason`; and
   * removes the oldest `count` stretches.
   */
  async #settle(seq: number, reason: string | null, count: number): Promise<void> {
    const rough = this.#settlement(seq, reason);
    const settlement = { ...rough, dropped: await timedDrops(this.#deps.store, rough.dropped) };
    const gone = this.#stretches.oldest(count);
    const endSeq = this.#stretches.at(count)?.seq ?? this.newestSeq + 1;
    const bytesBefore = this.#room.bytesKept;
    const operations = gone.map((stretch) => stretchDeletion(stretch.seq));
    try {
      await this.#write((ledger) => withSettled(ledger, settlement), operations, {
        sync: false,
        onWritten: () => this.#stretches.removeOldest(count),
      });
    } catch (error) {
      this.#doubtful = [...this.#doubtful, ...gone];
      throw error;
    }
    this.#refusals.removeUpTo(seq);
    const first = gone[0];
    if (first === undefined) return;
    // They are gone from the books already: after a crash, opening removes the rest.
    const oldestSeq = this.#stretches.at(0)?.seq ?? this.newestSeq;
    await removeFrames(this.#deps.store, first.seq, endSeq, epochOfSeq(oldestSeq));
    const bytesKept = this.#room.bytesKept;
    this.#compactor.freed(bytesBefore - bytesKept, bytesKept, endSeq);
  }

  #settlement(seq: number, reason: string | null): Settlement {
    return this.#refusals.settlement(this.#books.ledger, this.#stretches, seq, reason);
  }

  #noteDamage({ fromSeq, toSeq, frames }: Missing): void {
    if (fromSeq <= this.#books.ledger.settledSeq) return;
    if (!this.#refusals.add(fromSeq, { reason: DAMAGED, frames, toSeq })) return;
    this.#deps.logger.error({ seq: fromSeq, frames }, "frames in the buffer are damaged");
  }

  /** The books change when the batch that says so is written, and not when it fails. */
  async #write(
    change: (ledger: Ledger) => Ledger,
    operations: readonly BatchOperation[],
    options: { readonly sync: boolean; readonly onWritten?: () => unknown },
  ): Promise<void> {
    const restored = this.#doubtful.map(stretchPut);
    await this.#books.write(change, [...restored, ...operations], { sync: options.sync });
    this.#doubtful = [];
    options.onWritten?.();
    this.#show();
  }

  /** Changes of the store happen one after the other. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {}); // it is the caller's to handle
    return await turn;
  }

  #show(): void {
    this.#shown.show(this.#books.current, this.#room.bytesKept);
  }
}
