import { describe, expect, test } from "vitest";
import { definitionKey } from "../../../agent/frames/definitions.ts";
import type { QueueLimits } from "../../../agent/queue/queue.ts";
import { entryKey, IDENTITY_KEY, LEDGER_KEY } from "../../../agent/queue/records.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import { settle } from "../../support/fake-clock.ts";
import { BufferRig, seqs } from "./buffer-rig.ts";

async function filled(frames: number, limits: Partial<QueueLimits> = {}): Promise<BufferRig> {
  const rig = await BufferRig.open(limits);
  await rig.append(frames);
  return rig;
}

async function damage(rig: BufferRig, key: Uint8Array): Promise<void> {
  const value = await rig.store.get(key);
  if (value === undefined) throw new Error("nothing to damage");
  value[value.length >> 1] = (value[value.length >> 1] ?? 0) ^ 0x10;
  await rig.store.batch([{ type: "put", key, value }], { sync: true });
}

describe("frames in the buffer", () => {
  test("come back in order with their bytes and their definitions", async () => {
    const rig = await BufferRig.open();
    const made = await rig.append(6);
    const late = rig.frame(2);
    await rig.buffer.append(late);
    const read = await rig.readAll(0);
    expect(read.map(({ bytes }) => [...bytes])).toEqual(
      [...made, late].map(({ bytes }) => [...bytes]),
    );
    const definitions = [...(made[0]?.definitions ?? []), ...late.definitions];
    expect(await rig.buffer.definitions(1, 0, 5)).toEqual(definitions);
    expect(await rig.buffer.definitions(1, 3, 5)).toEqual(late.definitions);
    expect(rig.books()).toEqual({ made: 7, stored: 0, waiting: 7, dropped: 0 });
  });

  test("are read in portions of at most so many frames or bytes, but never none", async () => {
    const rig = await BufferRig.open();
    const [first] = await rig.append(5);
    expect(await rig.buffer.read(0, 2, 1_000_000)).toHaveLength(2);
    expect(await rig.buffer.read(0, 100, (first?.bytes.length ?? 0) + 1)).toHaveLength(1);
    expect(await rig.buffer.read(0, 100, 1)).toHaveLength(1);
    expect(seqs(await rig.buffer.read(seqOf(1, 3), 100, 1_000_000))).toEqual([
      seqOf(1, 4),
      seqOf(1, 5),
    ]);
    expect(await rig.buffer.read(seqOf(1, 5), 100, 1_000_000)).toEqual([]);
  });

  test("are neither readable nor announced before they are on the disk", async () => {
    const rig = await BufferRig.open();
    const release = rig.disk.hangSync();
    let isAnnounced = false;
    const stop = new AbortController();
    const changed = rig.buffer.changed(stop.signal).then(() => {
      isAnnounced = true;
    });
    const append = rig.buffer.append(rig.frame());
    await settle();
    expect(isAnnounced).toBe(false);
    expect(await rig.buffer.read(0, 10, 1000)).toEqual([]);
    expect(rig.books().made).toBe(0);
    release();
    await Promise.all([append, changed]);
    expect(await rig.buffer.read(0, 10, 1000)).toHaveLength(1);
  });

  test("survive a power cut, under the same stream and in a new epoch", async () => {
    const rig = await BufferRig.open();
    const { streamId } = rig.buffer;
    await rig.append(3);
    await rig.crash();
    expect(rig.buffer.streamId).toBe(streamId);
    expect(rig.buffer.epoch).toBe(2);
    await rig.append(1);
    expect(seqs(await rig.readAll(0))).toEqual([
      seqOf(1, 1),
      seqOf(1, 2),
      seqOf(1, 3),
      seqOf(2, 1),
    ]);
    expect(await rig.undecodable()).toEqual([]);
    expect(rig.books()).toEqual({ made: 4, stored: 0, waiting: 4, dropped: 0 });
  });

  test("a process that appends nothing still uses up its epoch", async () => {
    const rig = await BufferRig.open();
    await rig.restart();
    await rig.crash();
    expect(rig.buffer.epoch).toBe(3);
  });

  test("who waits for a change is told when he no longer wants to know", async () => {
    const rig = await BufferRig.open();
    const stop = new AbortController();
    const changed = rig.buffer.changed(stop.signal);
    stop.abort(new Error("enough"));
    await expect(changed).rejects.toThrow("enough");
    await expect(rig.buffer.changed(stop.signal)).rejects.toThrow("enough");
  });
});

describe("an ack", () => {
  test("frees everything before the last keyframe it covers, and keeps that stretch", async () => {
    const rig = await filled(11); // keyframes are 1, 5 and 9
    await rig.buffer.ack(seqOf(1, 7));
    expect(rig.buffer.ackedSeq).toBe(seqOf(1, 7));
    expect(rig.buffer.oldestSeq).toBe(seqOf(1, 5));
    expect(seqs(await rig.readAll(0))[0]).toBe(seqOf(1, 5));
    expect(rig.books()).toEqual({ made: 11, stored: 7, waiting: 4, dropped: 0 });
    expect(await rig.store.get(entryKey(seqOf(1, 4)))).toBeUndefined();
    await rig.buffer.ack(seqOf(1, 11));
    expect(rig.buffer.oldestSeq).toBe(seqOf(1, 9));
    expect(await rig.undecodable()).toEqual([]);
  });

  test("that frees nothing is written with the next frame, and when the buffer closes", async () => {
    const rig = await filled(3);
    rig.disk.isFull = true; // not asked
    await rig.buffer.ack(seqOf(1, 2));
    expect(rig.books()).toEqual({ made: 3, stored: 2, waiting: 1, dropped: 0 });
    rig.disk.isFull = false;
    await rig.crash("kill"); // forgotten: the aggregator will say it again
    expect(rig.books()).toEqual({ made: 3, stored: 0, waiting: 3, dropped: 0 });
    await rig.buffer.ack(seqOf(1, 2));
    await rig.restart();
    expect(rig.books()).toEqual({ made: 3, stored: 2, waiting: 1, dropped: 0 });
    await rig.buffer.ack(seqOf(1, 3));
    rig.beginEpoch();
    await rig.append(1);
    await rig.crash("kill");
    expect(rig.books()).toEqual({ made: 4, stored: 3, waiting: 1, dropped: 0 });
  });

  test("twice, or of something older, does nothing", async () => {
    const rig = await filled(4);
    await rig.buffer.ack(seqOf(1, 3));
    await rig.buffer.ack(seqOf(1, 3));
    await rig.buffer.ack(seqOf(1, 1));
    expect(rig.books()).toEqual({ made: 4, stored: 3, waiting: 1, dropped: 0 });
  });

  test("of a frame that was never made is refused", async () => {
    const rig = await filled(1);
    await expect(rig.buffer.ack(seqOf(1, 2))).rejects.toMatchObject({ code: "PROTOCOL" });
    expect(rig.books().waiting).toBe(1);
  });

  test("of an epoch's last frames removes its definitions, not those of the current one", async () => {
    const rig = await filled(2);
    rig.beginEpoch();
    await rig.append(2);
    await rig.buffer.ack(seqOf(1, 2));
    expect(await rig.store.get(definitionKey(1, 0))).toBeDefined();
    await rig.buffer.ack(seqOf(2, 1));
    expect(await rig.store.get(definitionKey(1, 0))).toBeUndefined();
    expect(await rig.buffer.definitions(2, 0, 3)).toHaveLength(3);
  });

  test("counts what the aggregator refused as dropped, by its reason", async () => {
    const rig = await filled(5);
    rig.buffer.dropped(seqOf(1, 2), "future");
    rig.buffer.dropped(seqOf(1, 3), "future");
    rig.buffer.dropped(seqOf(1, 9), "future"); // no such frame
    expect(rig.books()).toEqual({ made: 5, stored: 0, waiting: 5, dropped: 0 });
    await rig.buffer.ack(seqOf(1, 4));
    rig.buffer.dropped(seqOf(1, 4), "future"); // too late: it is stored
    expect(rig.books()).toEqual({ made: 5, stored: 2, waiting: 1, dropped: 2 });
    expect(rig.dropped()).toEqual({ future: 2 });
    expect(rig.metric("telltale_agent_samples_dropped_total")).toBe(6);
  });
});

describe("a full disk", () => {
  test("leaves frames waiting whose ack cannot be written, until a later ack", async () => {
    const rig = await filled(6); // the ack of frame 5, a keyframe, frees the four before it
    rig.disk.isFull = true;
    await expect(rig.buffer.ack(seqOf(1, 5))).rejects.toMatchObject({ code: "STORAGE" });
    expect(rig.books()).toEqual({ made: 6, stored: 0, waiting: 6, dropped: 0 });
    rig.disk.isFull = false;
    await rig.buffer.ack(seqOf(1, 6));
    expect(rig.books()).toEqual({ made: 6, stored: 6, waiting: 0, dropped: 0 });
  });
});

describe("a buffer over its limit", () => {
  test("drops its oldest stretches, counted, and what is left can be read", async () => {
    const rig = await filled(100, { bytesMax: 1024 });
    const { made, waiting, dropped } = rig.books();
    expect(made).toBe(100);
    expect(waiting + dropped).toBe(100);
    expect(rig.dropped()).toEqual({ buffer_full: dropped });
    expect(dropped).toBeGreaterThan(50);
    expect(rig.metric("telltale_agent_buffer_bytes")).toBeLessThanOrEqual(1024);
    expect(rig.metric("telltale_agent_samples_dropped_total")).toBe(dropped * 3);
    expect(await rig.readAll(0)).toHaveLength(waiting);
    expect(rig.buffer.oldestSeq % 4).toBe(1); // a keyframe
    expect(await rig.undecodable()).toEqual([]);
    await rig.crash("kill");
    expect(rig.books()).toEqual({ made, stored: 0, waiting, dropped });
  });

  test("refuses a frame that alone is larger, and keeps the others", async () => {
    const rig = await filled(2, { bytesMax: 600 });
    const large = rig.frame(200);
    await expect(rig.buffer.append(large)).rejects.toMatchObject({ code: "LIMIT" });
    expect(await rig.readAll(0)).toHaveLength(2);
  });

  test("drops what is older than the age limit", async () => {
    const rig = await filled(12, { ageMaxMs: 60_000 });
    await rig.clock.advance(120_000);
    await rig.append(1);
    expect(rig.dropped()).toEqual({ buffer_age: 4 });
    await rig.append(1);
    expect(rig.dropped()).toEqual({ buffer_age: 8 });
    await rig.append(1);
    expect(rig.dropped()).toEqual({ buffer_age: 8 });
    expect(await rig.undecodable()).toEqual([]);
  });

  test("frames in it that were acked are not counted as dropped", async () => {
    const rig = await filled(5, { ageMaxMs: 60_000 });
    await rig.buffer.ack(seqOf(1, 3));
    await rig.clock.advance(120_000);
    await rig.append(1);
    expect(rig.books()).toEqual({ made: 6, stored: 3, waiting: 2, dropped: 1 });
  });
});

describe("a damaged disk", () => {
  test("costs the frame that is damaged, counted, and not those around it", async () => {
    const rig = await filled(9);
    await damage(rig, entryKey(seqOf(1, 6)));
    expect(seqs(await rig.readAll(0))).not.toContain(seqOf(1, 6));
    expect(await rig.readAll(0)).toHaveLength(8);
    await rig.buffer.ack(seqOf(1, 9));
    expect(rig.books()).toEqual({ made: 9, stored: 8, waiting: 0, dropped: 1 });
    expect(rig.dropped()).toEqual({ damaged: 1 });
    expect(rig.logger.messages("error")).toHaveLength(1);
  });

  test("that lost frames altogether has them counted too", async () => {
    const rig = await filled(9);
    await rig.store.clear({ gte: entryKey(seqOf(1, 2)), lt: entryKey(seqOf(1, 5)) });
    await rig.store.clear({ gte: entryKey(seqOf(1, 9)), lte: entryKey(seqOf(1, 9)) });
    await rig.readAll(0);
    rig.beginEpoch();
    await rig.append(1);
    await rig.readAll(0);
    await rig.buffer.ack(seqOf(2, 1));
    expect(rig.books()).toEqual({ made: 10, stored: 6, waiting: 0, dropped: 4 });
  });

  test("with a damaged definition gives those before it, and asks for a new epoch", async () => {
    const rig = await filled(1);
    await damage(rig, definitionKey(1, 1));
    expect(await rig.buffer.definitions(1, 0, 3)).toHaveLength(1);
    await expect(rig.buffer.append(rig.frame())).rejects.toMatchObject({ code: "STORAGE" });
    rig.beginEpoch();
    await rig.append(1);
    expect(await rig.buffer.definitions(2, 0, 3)).toHaveLength(3);
  });

  test("without its ledger goes on as the same stream with all frames that are there", async () => {
    const rig = await BufferRig.open();
    const { streamId } = rig.buffer;
    const frames = await rig.append(11);
    await rig.buffer.ack(seqOf(1, 7)); // 5 to 11 are kept
    await damage(rig, LEDGER_KEY);
    await damage(rig, entryKey(seqOf(1, 8)));
    await rig.crash("kill");
    expect(rig.buffer.streamId).toBe(streamId);
    expect(rig.buffer.epoch).toBe(2);
    const kept = seqs(frames).filter((seq) => seq >= seqOf(1, 5) && seq !== seqOf(1, 8));
    expect(seqs(await rig.readAll(0))).toEqual(kept);
    expect(rig.books()).toEqual({ made: 7, stored: 0, waiting: 7, dropped: 0 });
    await rig.append(2);
    await rig.readAll(0);
    await rig.buffer.ack(rig.buffer.newestSeq);
    expect(rig.books()).toEqual({ made: 9, stored: 8, waiting: 0, dropped: 1 });
  });

  test("without its ledger and its name starts over and counts what it cannot use", async () => {
    const rig = await BufferRig.open();
    const { streamId } = rig.buffer;
    await rig.append(5);
    await damage(rig, LEDGER_KEY);
    await damage(rig, IDENTITY_KEY);
    await rig.crash("kill");
    expect(rig.buffer.streamId).not.toBe(streamId);
    expect(rig.books()).toEqual({ made: 5, stored: 0, waiting: 0, dropped: 5 });
    expect(rig.buffer.droppedRanges(2)).toMatchObject([{ reason: "damaged", frames: 5 }]);
    expect(await rig.readAll(0)).toEqual([]);
    await rig.append(2);
    expect(await rig.undecodable()).toEqual([]);
  });

  test("that brought back an older ledger has it catch up with the frames", async () => {
    const rig = await filled(6);
    const old = await rig.store.get(LEDGER_KEY);
    await rig.append(3);
    rig.beginEpoch();
    const frames = await rig.append(4);
    await rig.store.batch([{ type: "put", key: LEDGER_KEY, value: old ?? new Uint8Array() }], {
      sync: true,
    });
    await rig.crash("kill");
    expect(rig.books()).toEqual({ made: 13, stored: 0, waiting: 13, dropped: 0 });
    expect(rig.buffer.newestSeq).toBe(frames.at(-1)?.seq);
    expect(rig.buffer.epoch).toBe(3);
    await rig.append(2);
    expect(await rig.readAll(0)).toHaveLength(15);
    expect(await rig.undecodable()).toEqual([]);
  });

  test("hides nothing behind a block that cannot be read", async () => {
    const rig = await filled(9);
    const { store } = rig;
    const bad = seqOf(1, 4);
    const corrupt = () => {
      const cause = Object.assign(new Error("bad block"), { code: "LEVEL_CORRUPTION" });
      return new OperationalError("STORAGE", "bad block", { cause });
    };
    const { entries, get } = store;
    store.entries = async function* (range) {
      for await (const entry of entries.call(store, range)) {
        if (Buffer.compare(entry[0], entryKey(bad)) >= 0) throw corrupt();
        yield entry;
      }
    };
    store.get = async (key) => {
      if (Buffer.compare(key, entryKey(bad)) === 0) throw corrupt();
      return await get.call(store, key);
    };
    const expected = [1, 2, 3, 5, 6, 7, 8, 9].map((count) => seqOf(1, count));
    expect(seqs(await rig.readAll(0))).toEqual(expected);
    await rig.buffer.ack(seqOf(1, 9));
    expect(rig.books()).toEqual({ made: 9, stored: 8, waiting: 0, dropped: 1 });
  });
});

describe("a stream that is renewed", () => {
  test("has another name; what this process made waits on, what others made is stored", async () => {
    const rig = await BufferRig.open();
    const { streamId } = rig.buffer;
    await rig.append(3);
    await rig.restart();
    await rig.append(2);
    expect(rig.buffer.handedOutSeq).toBe(seqOf(2, 0));
    await rig.readAll(0);
    expect(rig.buffer.handedOutSeq).toBe(seqOf(2, 2));
    await rig.buffer.renewStream();
    expect(rig.buffer.streamId).toMatch(/^[0-9a-f]{32}$/);
    expect(rig.buffer.streamId).not.toBe(streamId);
    expect(rig.books()).toEqual({ made: 5, stored: 3, waiting: 2, dropped: 0 });
    const renewed = rig.buffer.streamId;
    await rig.crash();
    expect(rig.buffer.streamId).toBe(renewed);
  });
});
