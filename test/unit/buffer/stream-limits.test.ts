import { describe, expect, test } from "vitest";
import { settle } from "../../support/fake-clock.ts";
import { BufferRig, seqs } from "./buffer-rig.ts";

describe("a stream that blocks", () => {
  const BLOCKING = { bytesMax: 700, whenFull: "block" } as const;

  /** Fills it until an append waits. */
  async function jam(rig: BufferRig, signal?: AbortSignal) {
    for (;;) {
      let outcome = "waits";
      const frame = rig.frame();
      const append = rig.buffer.append(frame, signal).then(
        () => {
          outcome = "taken";
        },
        () => {
          outcome = "refused";
        },
      );
      await settle();
      if (outcome === "waits") return { frame, append, outcome: () => outcome };
    }
  }

  test("makes its source wait, drops nothing, and goes on where an ack makes room", async () => {
    const rig = await BufferRig.open(BLOCKING);
    const { frame, append, outcome } = await jam(rig);
    const { made, dropped } = rig.books();
    expect(dropped).toBe(0);
    expect(outcome()).toBe("waits");
    await rig.buffer.ack(rig.buffer.newestSeq);
    await append;
    expect(outcome()).toBe("taken");
    expect(rig.buffer.newestSeq).toBe(frame.seq);
    expect(rig.books()).toEqual({ made: made + 1, stored: made, waiting: 1, dropped: 0 });
    expect(rig.metric("telltale_agent_buffer_bytes")).toBeLessThanOrEqual(700);
    expect(await rig.undecodable()).toEqual([]);
  });

  test("goes on where one stretch alone fills it, once that is acked", async () => {
    const rig = await BufferRig.open({ ...BLOCKING, bytesMax: 200 });
    const { append, outcome } = await jam(rig);
    const { made } = rig.books();
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(4); // not a whole stretch
    await rig.buffer.ack(rig.buffer.newestSeq);
    await append;
    expect(outcome()).toBe("refused"); // what it builds on has made room
    rig.beginEpoch();
    await rig.append(1);
    expect(rig.books()).toEqual({ made: made + 1, stored: made, waiting: 1, dropped: 0 });
  });

  test("waits no longer than it is asked to, and the frame was never made", async () => {
    const rig = await BufferRig.open(BLOCKING);
    const stop = new AbortController();
    const { append, outcome } = await jam(rig, stop.signal);
    const { made } = rig.books();
    stop.abort(new Error("enough"));
    await append;
    expect(outcome()).toBe("refused");
    expect(rig.books()).toEqual({ made, stored: 0, waiting: made, dropped: 0 });
  });

  test("waits while the disk has little room, as long as there is something to send", async () => {
    const rig = await BufferRig.open({ ...BLOCKING, bytesMax: 100_000 });
    await rig.append(9);
    rig.freeBytes = 10;
    await rig.clock.advance(5000);
    const { append, outcome } = await jam(rig);
    rig.freeBytes = 100_000;
    await rig.clock.advance(5000);
    await append;
    expect(outcome()).toBe("taken");
  });
});

describe("a disk with little room left", () => {
  test("makes the stream shed as much of its backlog as is lacking, the oldest first", async () => {
    const rig = await BufferRig.open({ freeBytesMin: 1000 });
    const frames = await rig.append(60);
    const before = rig.metric("telltale_agent_buffer_bytes");
    rig.freeBytes = 400;
    await rig.clock.advance(5000);
    frames.push(...(await rig.append(1)));
    rig.freeBytes = 1000;
    frames.push(...(await rig.append(20)));
    const { disk_low: shed = 0 } = rig.dropped();
    expect(before - rig.metric("telltale_agent_buffer_bytes")).toBeLessThan(700);
    expect(shed).toBeGreaterThan(8);
    expect(seqs(await rig.readAll(0))).toEqual(seqs(frames.slice(shed)));
    expect(rig.buffer.droppedRanges(9)).toMatchObject([{ reason: "disk_low", frames: shed }]);
    expect(await rig.undecodable()).toEqual([]);
  });

  test("takes nothing from what flows", async () => {
    const rig = await BufferRig.open({ freeBytesMin: 1000 });
    rig.freeBytes = 0;
    for (let i = 0; i < 40; i += 1) {
      await rig.clock.advance(5000);
      await rig.append(1);
      await rig.buffer.ack(rig.buffer.newestSeq);
    }
    expect(rig.books()).toEqual({ made: 40, stored: 40, waiting: 0, dropped: 0 });
  });
});
