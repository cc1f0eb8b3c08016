import { expect, test } from "vitest";
import { FrameWriter, PENDING_FRAMES_MAX } from "../../../agent/pipeline/frame-writer.ts";
import type { EncodedFrame } from "../../../shared/wire/frame-encoder.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

/** What a writer looks at of a frame. */
const frame = (seq: number) => ({ seq, timeMs: seq }) as EncodedFrame;

/** A store whose disk answers when the test says so. */
class SlowStore {
  readonly stored: number[] = [];
  readonly lost: string[] = [];
  readonly epoch = 1;
  #answer: ((error?: Error) => void) | null = null;

  append({ seq }: EncodedFrame): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answer = (error) => {
        if (error !== undefined) return reject(error);
        this.stored.push(seq);
        resolve();
      };
    });
  }

  nextEpoch(): number {
    return 2;
  }

  discard({ seq }: EncodedFrame, reason: string): void {
    this.lost.push(`${seq} ${reason}`);
  }

  async answer(error?: Error): Promise<void> {
    await Promise.resolve();
    this.#answer?.(error);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  }
}

test("frames are written in order while the disk is slow", async () => {
  const store = new SlowStore();
  const writer = new FrameWriter([{ buffer: store, logger: new MemoryLogger() }]);
  for (const seq of [1, 2, 3]) writer.write(frame(seq));
  for (let i = 0; i < 3; i += 1) await store.answer();
  await writer.settled();
  expect(store.stored).toEqual([1, 2, 3]);
  expect(writer.takeFailure()).toBe(false);
});

test("a frame that cannot be written takes those behind it with it, and is told once", async () => {
  const store = new SlowStore();
  const logger = new MemoryLogger();
  const writer = new FrameWriter([{ buffer: store, logger }]);
  for (const seq of [1, 2, 3]) writer.write(frame(seq));
  await store.answer();
  await store.answer(new Error("no space left on device"));
  await writer.settled();
  expect(store.lost).toEqual(["2 disk_full", "3 disk_full"]);
  expect([writer.takeFailure(), writer.takeFailure()]).toEqual([true, false]);
  writer.write(frame(4));
  await store.answer(new Error("no space left on device"));
  writer.write(frame(5));
  await store.answer();
  await writer.settled();
  expect(store.stored).toEqual([1, 5]);
  const told = logger.lines.filter(({ level }) => level === "error");
  expect(told.length).toBe(1);
});

test("a disk that never answers costs frames only once the queue is full", async () => {
  const store = new SlowStore();
  const writer = new FrameWriter([{ buffer: store, logger: new MemoryLogger() }]);
  for (let seq = 1; seq <= PENDING_FRAMES_MAX; seq += 1) writer.write(frame(seq));
  expect(writer.takeFailure()).toBe(false);
  writer.write(frame(PENDING_FRAMES_MAX + 1));
  expect(writer.takeFailure()).toBe(true);
  expect(store.lost).toEqual([`${PENDING_FRAMES_MAX + 1} disk_slow`]);
});
