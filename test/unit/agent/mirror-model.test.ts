import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameWriter } from "../../../agent/pipeline/frame-writer.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { FrameEncoder } from "../../../shared/wire/frame-encoder.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { BufferModel, BufferRig, HOW, SHARE, stepOf } from "../buffer/buffer-rig.ts";

type Step =
  | { readonly kind: "tick" }
  | { readonly kind: "epoch" }
  | { readonly kind: "settle"; readonly way: number; readonly share: number; isRefused: boolean }
  | { readonly kind: "full"; readonly way: number; readonly isFull: boolean }
  | { readonly kind: "crash"; readonly how: "kill" | "power-cut" }
  | { readonly kind: "lose"; readonly way: number };

const way = fc.constantFrom(0, 1);
const step = fc.oneof(
  stepOf(10, "tick", {}),
  stepOf(1, "epoch", {}),
  stepOf(4, "settle", { way, share: SHARE, isRefused: fc.boolean() }),
  stepOf(2, "full", { way, isFull: fc.constantFrom(true, false) }),
  stepOf(2, "crash", { how: HOW }),
  stepOf(1, "lose", { way }),
);

/** One destination: its buffer, and what must be in it. */
class Way extends BufferModel {
  rig: BufferRig;
  /** The last frame that was ever handed out. */
  readSeq = 0;

  constructor(rig: BufferRig) {
    super();
    this.rig = rig;
  }
}

/** An agent that mirrors to two, each with a disk of its own. */
class Scene {
  readonly ways: readonly [Way, Way];
  writer = undefined as unknown as FrameWriter; // `begin` sets these two
  #encoder = undefined as unknown as FrameEncoder;
  #slot = 0;
  #value = 0;

  private constructor(ways: readonly [Way, Way]) {
    this.ways = ways;
    this.begin();
  }

  static async open(seed: number): Promise<Scene> {
    const [one, other] = [await BufferRig.open({}, seed), await BufferRig.open({}, seed + 1)];
    return new Scene([new Way(one), new Way(other)]);
  }

  /** As a new process does. */
  begin(): void {
    const logger = new MemoryLogger();
    this.writer = new FrameWriter(this.ways.map(({ rig }) => ({ buffer: rig.buffer, logger })));
    this.#encoder = new FrameEncoder(this.writer.epoch, { keyframeEvery: 4 });
    this.#slot = this.#encoder.define(0, 0, labelsOf({ __name__: "value" }));
  }

  beginEpoch(): void {
    this.#encoder.beginEpoch(this.writer.nextEpoch());
  }

  async tick(): Promise<void> {
    if (this.writer.takeFailure()) this.beginEpoch();
    this.#value += 1;
    this.#encoder.set(this.#slot, this.#value);
    const timeMs = this.ways[0].rig.clock.nowMs() + this.#value * 1000;
    const frame = this.#encoder.encodeTick(timeMs);
    this.writer.write(frame);
    await this.writer.settled();
    for (const { rig, appended } of this.ways) {
      const isThere = rig.buffer.newestSeq === frame.seq;
      expect(isThere).toBe(!rig.disk.isFull); // whatever the other's disk does
      if (isThere) appended.set(frame.seq, frame.bytes);
    }
  }

  async settle(one: Way, part: number, isRefused: boolean): Promise<void> {
    const waiting = one.waiting();
    const seq = waiting[Math.floor(part * waiting.length)];
    if (seq === undefined || one.rig.disk.isFull) return;
    if (isRefused) one.rig.buffer.dropped(seq, "future");
    await one.rig.buffer.ack(seq);
    one.ackedSeq = seq;
  }

  async crash(how: "kill" | "power-cut"): Promise<void> {
    for (const one of this.ways) {
      one.rig.disk.isFull = false;
      await one.rig.crash(how);
      const { ackedSeq, handedOutSeq } = one.rig.buffer;
      expect(ackedSeq).toBeLessThanOrEqual(one.ackedSeq);
      one.ackedSeq = ackedSeq; // acks are not synced
      // Otherwise the aggregator's position would look like another life of the stream.
      expect(handedOutSeq).toBeGreaterThanOrEqual(one.readSeq);
    }
    this.begin();
  }

  /** A disk is replaced by an empty one. */
  async lose(one: Way): Promise<void> {
    one.rig = await BufferRig.open({}, 2);
    one.appended.clear();
    one.ackedSeq = 0;
    one.readSeq = 0;
    await this.crash("kill");
  }

  async run(next: Step): Promise<void> {
    switch (next.kind) {
      case "tick":
        return await this.tick();
      case "epoch":
        return this.beginEpoch();
      case "settle":
        return await this.settle(this.#way(next.way), next.share, next.isRefused);
      case "full":
        this.#way(next.way).rig.disk.isFull = next.isFull;
        return;
      case "crash":
        return await this.crash(next.how);
      case "lose":
        return await this.lose(this.#way(next.way));
    }
  }

  /** Each has all that it has not settled, and nothing of what the other did with its own. */
  async check(): Promise<void> {
    for (const one of this.ways) {
      if (one.rig.disk.isFull) continue;
      const read = await one.check(one.rig);
      one.readSeq = Math.max(one.readSeq, read.at(-1)?.seq ?? 0);
    }
  }

  #way(index: number): Way {
    return index === 0 ? this.ways[0] : this.ways[1];
  }
}

test("mirrored to two: what one acks, refuses, cannot write or loses is nothing to the other", async () => {
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 1_000_000 }), async (script, seed) => {
      const scene = await Scene.open(seed);
      for (const [place, next] of script.entries()) {
        await scene.run(next);
        if (place % 4 === 3) await scene.check();
      }
      await scene.check();
    }),
    { numRuns: 30 },
  );
}, 60_000);
