import { describe, expect, test } from "vitest";
import {
  type Drop,
  type DroppedRanges,
  NO_RANGES,
  RANGES_MAX,
  withDrop,
  withFrozen,
  withReported,
} from "../../../agent/queue/dropped-ranges.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import type { EncodedFrame } from "../../../shared/wire/frame-encoder.ts";
import { BufferRig } from "./buffer-rig.ts";

const drop = (fromSeq: number, toSeq: number, reason = "full", afterSeq = fromSeq - 1): Drop => {
  const times = { fromMs: fromSeq * 1000, toMs: toSeq * 1000 };
  return { fromSeq, toSeq, ...times, reason, frames: toSeq - fromSeq + 1, samples: 7, afterSeq };
};

const rangesOf = (...drops: Drop[]) => drops.reduce(withDrop, NO_RANGES);
const shape = ({ ranges }: DroppedRanges) =>
  ranges.map(({ id, fromSeq, toSeq, reason }) => `${id}: ${fromSeq}-${toSeq} ${reason}`);

describe("dropped ranges", () => {
  test("of one reason that touch are one, with the counts of both", () => {
    const known = rangesOf(drop(1, 4), drop(5, 8));
    expect(shape(known)).toEqual(["1: 1-8 full"]);
    expect(known.ranges[0]).toMatchObject({ fromMs: 1000, toMs: 8000, frames: 8, samples: 14 });
  });

  test("with a frame between them, or of two reasons, are two", () => {
    const known = rangesOf(drop(1, 4), drop(6, 8), drop(9, 9, "age"), drop(10, 12, "age"));
    expect(shape(known)).toEqual(["1: 1-4 full", "2: 6-8 full", "3: 9-12 age"]);
  });

  test("of frames that never came into the queue touch when nothing was queued between", () => {
    const known = rangesOf(drop(501, 501, "disk", 40), drop(601, 601, "disk", 40));
    expect(shape(known)).toEqual(["1: 501-601 disk"]);
    expect(shape(withDrop(known, drop(801, 801, "disk", 701)))).toHaveLength(2);
  });

  test("keep their shape once they were handed out", () => {
    const known = withFrozen(rangesOf(drop(1, 4)), 1);
    expect(shape(withDrop(known, drop(5, 8)))).toEqual(["1: 1-4 full", "2: 5-8 full"]);
  });

  test("are forgotten when they were reported, and ids go on", () => {
    const known = withReported(rangesOf(drop(1, 4), drop(6, 8)), 2);
    expect(shape(withDrop(known, drop(10, 10)))).toEqual(["3: 10-10 full"]);
  });

  test("are bounded in number, with every frame still counted, those handed out untouched", () => {
    let known = withFrozen(rangesOf(drop(2, 2), drop(4, 4)), 2);
    for (let i = 3; i <= 1000; i += 1) {
      known = withDrop(known, drop(i * 2, i * 2, i % 3 === 0 ? "a" : "b"));
    }
    expect(known.ranges.length).toBe(RANGES_MAX);
    expect(shape(known).slice(0, 2)).toEqual(["1: 2-2 full", "2: 4-4 full"]);
    expect(known.ranges.reduce((sum, { frames }) => sum + frames, 0)).toBe(1000);
    const ids = known.ranges.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  });
});

describe("the buffer's dropped ranges", () => {
  test("say which ticks a full buffer dropped, from when to when", async () => {
    const rig = await BufferRig.open({ bytesMax: 560 });
    const frames = await rig.append(40);
    const { dropped } = rig.books();
    expect(dropped).toBeGreaterThan(8);
    const [range, ...others] = rig.buffer.droppedRanges(10);
    expect(others).toEqual([]);
    expect(range).toMatchObject({ id: 1, reason: "buffer_full", frames: dropped });
    expect([range?.fromSeq, range?.toSeq]).toEqual([frames[0]?.seq, frames[dropped - 1]?.seq]);
    expect([range?.fromMs, range?.toMs]).toEqual([frames[0]?.timeMs, frames[dropped - 1]?.timeMs]);
  });

  test("come again after a crash until they were reported, and not after that", async () => {
    const rig = await BufferRig.open({ bytesMax: 700 });
    await rig.append(40);
    const told = rig.buffer.droppedRanges(10);
    await rig.crash();
    expect(rig.buffer.droppedRanges(10)).toEqual(told);
    rig.buffer.rangesReported(told[0]?.id ?? 0);
    expect(rig.buffer.droppedRanges(10)).toEqual([]);
    await rig.restart();
    expect(rig.buffer.droppedRanges(10)).toEqual([]);
  });

  test("are handed out only when no power cut can take the drop back", async () => {
    const rig = await BufferRig.open();
    await rig.append(5);
    rig.buffer.dropped(seqOf(1, 2), "future");
    await rig.buffer.ack(seqOf(1, 4)); // written, not synced
    expect(rig.buffer.droppedRanges(10)).toEqual([]);
    await rig.append(1);
    expect(rig.buffer.droppedRanges(10)).toMatchObject([
      { fromSeq: seqOf(1, 2), toSeq: seqOf(1, 2), reason: "future", frames: 1, samples: 3 },
    ]);
  });

  test("that grow in the write that is under way are not handed out as they were", async () => {
    const rig = await BufferRig.open({ bytesMax: 560 });
    await rig.append(20);
    const write = rig.store.batch.bind(rig.store);
    const told = new Map<number, number>();
    const take = () => {
      for (const { id, frames } of rig.buffer.droppedRanges(10)) {
        if (!told.has(id)) told.set(id, frames);
      }
    };
    rig.store.batch = async (operations, options) => {
      if (!options.sync) take(); // it drops
      await write(operations, options);
    };
    await rig.append(20);
    take();
    const sum = [...told.values()].reduce((total, frames) => total + frames, 0);
    expect(sum).toBe(rig.books().dropped);
  });

  test("join what a disk that was full for long took, and survive it", async () => {
    const rig = await BufferRig.open();
    await rig.append(2);
    rig.disk.isFull = true;
    const lost: EncodedFrame[] = [];
    for (let i = 0; i < 30; i += 1) {
      rig.beginEpoch();
      const frame = rig.frame();
      await expect(rig.buffer.append(frame)).rejects.toMatchObject({ code: "STORAGE" });
      rig.buffer.discard(frame, "disk_full");
      lost.push(frame);
    }
    expect(rig.buffer.droppedRanges(10)).toEqual([]);
    rig.disk.isFull = false;
    rig.beginEpoch();
    await rig.append(1);
    await rig.crash();
    const [first, last] = [lost[0], lost[29]];
    expect(rig.buffer.droppedRanges(10)).toMatchObject([
      { fromSeq: first?.seq, toSeq: last?.seq, fromMs: first?.timeMs, toMs: last?.timeMs },
    ]);
    expect(rig.buffer.droppedRanges(10)).toMatchObject([
      { id: 1, reason: "disk_full", frames: 30, samples: 90 },
    ]);
  });
});
