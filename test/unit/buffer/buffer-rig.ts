import fc from "fast-check";
import { expect } from "vitest";
import type { FrameQueue, QueuedFrame } from "../../../agent/frames/frame-queue.ts";
import { openFrameQueue } from "../../../agent/frames/frame-queue.ts";
import type { QueueLimits } from "../../../agent/queue/queue.ts";
import { labelsOf, labelValue } from "../../../shared/model/labels.ts";
import { epochOfSeq } from "../../../shared/model/sequence.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { parseFrame, StreamDecoder } from "../../../shared/wire/frame-decoder.ts";
import { type EncodedFrame, FrameEncoder } from "../../../shared/wire/frame-encoder.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { SeededRandom } from "../../support/random.ts";

const KEYFRAME_EVERY = 4;
const LIMITS: QueueLimits = {
  bytesMax: 1024 * 1024,
  ageMaxMs: 3_600_000,
  whenFull: "drop_oldest",
  freeBytesMin: 1000,
};

/** An agent's half that makes frames, on a disk that survives its crashes. */
export class BufferRig {
  readonly disk: MemoryDisk;
  readonly clock = new FakeClock();
  readonly random: SeededRandom;
  readonly logger = new MemoryLogger();
  readonly limits: QueueLimits;
  metrics = new Metrics();
  freeBytes = Number.POSITIVE_INFINITY;
  buffer = undefined as unknown as FrameQueue; // `open` sets these three
  store = undefined as unknown as MemoryStore;
  #encoder = undefined as unknown as FrameEncoder;
  #slots: number[] = [];
  #value = 0;

  private constructor(disk: MemoryDisk, random: SeededRandom, limits: QueueLimits) {
    this.disk = disk;
    this.random = random;
    this.limits = limits;
  }

  /** @param disk one that another machine has used before */
  static async open(
    limits: Partial<QueueLimits> = {},
    seed = 1,
    disk = new MemoryDisk(),
  ): Promise<BufferRig> {
    const rig = new BufferRig(disk, new SeededRandom(seed), { ...LIMITS, ...limits });
    await rig.reopen();
    return rig;
  }

  /** As a new process does, after the old one closed or died. */
  async reopen(prepare: (store: MemoryStore) => void = () => {}): Promise<void> {
    this.metrics = new Metrics();
    this.store = new MemoryStore(this.disk);
    prepare(this.store);
    const { store, clock, logger, metrics } = this;
    const freeBytes = async () => this.freeBytes;
    this.buffer = await openFrameQueue(
      { store, clock, random: this.random.next, logger, metrics, freeBytes },
      this.limits,
    );
    this.#encoder = new FrameEncoder(this.buffer.epoch, { keyframeEvery: KEYFRAME_EVERY });
    this.#slots = [];
    for (let i = 0; i < 3; i += 1) this.#define();
  }

  async restart(): Promise<void> {
    await this.buffer.close();
    await this.store.close();
    await this.reopen();
  }

  async crash(kind: "kill" | "power-cut" = "power-cut"): Promise<void> {
    this.disk.crash(this.random.next, kind);
    await this.reopen();
  }

  /** The next frame; `series` more series from now on. */
  frame(series = 0): EncodedFrame {
    for (let i = 0; i < series; i += 1) this.#define();
    this.#value += 1;
    for (const slot of this.#slots) this.#encoder.set(slot, this.#value * (slot + 1));
    return this.#encoder.encodeTick(this.clock.nowMs() + this.#value * 1000);
  }

  async append(count = 1): Promise<EncodedFrame[]> {
    const frames: EncodedFrame[] = [];
    for (let i = 0; i < count; i += 1) {
      const frame = this.frame();
      await this.buffer.append(frame);
      frames.push(frame);
    }
    return frames;
  }

  beginEpoch(): void {
    this.#encoder.beginEpoch(this.buffer.nextEpoch());
  }

  /** Everything after `seq`, in reads of few frames. */
  async readAll(seq: number): Promise<QueuedFrame[]> {
    const frames: QueuedFrame[] = [];
    for (let after = seq; ; ) {
      const more = await this.buffer.read(after, 3, 100_000);
      frames.push(...more);
      const last = more.at(-1);
      if (last === undefined) return frames;
      after = last.seq;
    }
  }

  /** What an aggregator that knows nothing can take; the sequences it would refuse. */
  async undecodable(afterSeq = 0): Promise<number[]> {
    const decoder = new StreamDecoder();
    const refused: number[] = [];
    for (const { seq, bytes, seriesCount } of await this.readAll(afterSeq)) {
      const epoch = epochOfSeq(seq);
      const known = decoder.epoch === epoch ? decoder.seriesKnown : 0;
      decoder.define(epoch, await this.buffer.definitions(epoch, known, seriesCount));
      const frame = parseFrame(bytes);
      if (decoder.check(frame) === "take") decoder.apply(frame);
      else refused.push(seq);
    }
    return refused;
  }

  metric(name: string): number {
    return metricTotal(this.metrics, name);
  }

  /** By reason. */
  dropped(): Record<string, number> {
    const pairs = this.metrics
      .samples()
      .filter(({ name, value }) => name === "telltale_agent_frames_dropped_total" && value !== 0)
      .map(({ labels, value }) => [labelValue(labels, "reason"), value]);
    return Object.fromEntries(pairs);
  }

  books(): { made: number; stored: number; waiting: number; dropped: number } {
    return {
      made: this.metric("telltale_agent_frames_made_total"),
      stored: this.metric("telltale_agent_frames_stored_total"),
      waiting: this.metric("telltale_agent_frames_waiting"),
      dropped: this.metric("telltale_agent_frames_dropped_total"),
    };
  }

  #define(): void {
    const name = `series_${this.#slots.length}`;
    this.#slots.push(this.#encoder.define(0, 0, labelsOf({ __name__: name, kind: "é\n" })));
  }
}

export const seqs = (frames: readonly { seq: number }[]) => frames.map(({ seq }) => seq);

/** What must be in a buffer: every frame that was appended, after the one it was acked up to. */
export class BufferModel {
  readonly appended = new Map<number, Uint8Array>();
  ackedSeq = 0;

  waiting(): number[] {
    return [...this.appended.keys()].filter((seq) => seq > this.ackedSeq);
  }

  /** Returns what was read. */
  async check(rig: BufferRig): Promise<QueuedFrame[]> {
    const { made, stored, waiting, dropped } = rig.books();
    expect(made).toBe(stored + waiting + dropped);
    expect(waiting).toBe(this.waiting().length);
    const read = await rig.readAll(rig.buffer.ackedSeq);
    expect(seqs(read)).toEqual(this.waiting());
    for (const { seq, bytes } of read) {
      expect(Buffer.compare(bytes, this.appended.get(seq) ?? new Uint8Array())).toBe(0);
    }
    expect(await rig.undecodable()).toEqual([]);
    return read;
  }
}

/** For models of it: one kind of step, with what it needs to know, and how often it comes. */
export function stepOf<Kind extends string, Fields extends object>(
  weight: number,
  kind: Kind,
  fields: { readonly [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
) {
  const arbitrary = fc.record(fields).map((drawn) => ({ kind, ...(drawn as Fields) }));
  return { weight, arbitrary };
}

export const SHARE = fc.double({ min: 0, max: 1, noNaN: true });
export const HOW = fc.constantFrom("kill" as const, "power-cut" as const);
