import fc from "fast-check";
import { expect, test } from "vitest";
import type { EncodedFrame } from "../../../shared/wire/frame-encoder.ts";
import { BufferModel, BufferRig, HOW, SHARE, stepOf } from "./buffer-rig.ts";

type Step =
  | { readonly kind: "append"; readonly series: number }
  | { readonly kind: "ack" | "refuse" | "report"; readonly share: number }
  | { readonly kind: "full"; readonly isFull: boolean }
  | { readonly kind: "crash"; readonly how: "kill" | "power-cut" }
  | { readonly kind: "write-and-crash" | "restart" | "epoch" };

const step = fc.oneof(
  stepOf(8, "append", { series: fc.constantFrom(0, 0, 0, 1, 5) }),
  stepOf(3, "ack", { share: SHARE }),
  stepOf(1, "refuse", { share: SHARE }),
  stepOf(1, "full", { isFull: fc.constantFrom(true, false, false) }),
  stepOf(1, "crash", { how: HOW }),
  stepOf(1, "write-and-crash", {}),
  stepOf(1, "restart", {}),
  stepOf(1, "epoch", {}),
  stepOf(2, "report", { share: SHARE }),
);

class Model extends BufferModel {
  needsEpoch = false;
  /** Dropped frames by reason, as one who takes each range once was told of them. */
  readonly told = new Map<string, number>();
  toldId = 0;
}

async function run(rig: BufferRig, model: Model, next: Step): Promise<void> {
  const { buffer } = rig;
  const pick = (share: number) => {
    const waiting = model.waiting();
    return waiting[Math.floor(share * waiting.length)];
  };
  switch (next.kind) {
    case "append":
      return await append(rig, model, next.series);
    case "epoch":
      rig.beginEpoch();
      return;
    case "report":
      return report(rig, model, next.share);
    case "full":
      rig.disk.isFull = next.isFull;
      return;
    case "refuse": {
      const seq = pick(next.share);
      if (seq !== undefined) buffer.dropped(seq, "future");
      return;
    }
    case "ack": {
      const seq = pick(next.share);
      if (seq === undefined || rig.disk.isFull) return;
      await buffer.ack(seq);
      model.ackedSeq = seq;
      return;
    }
    case "restart":
      if (rig.disk.isFull) return;
      return await rig.restart();
    case "crash":
      rig.disk.isFull = false;
      await rig.crash(next.how);
      return afterCrash(rig, model);
    case "write-and-crash": {
      if (model.needsEpoch || rig.disk.isFull) return;
      const frame = rig.frame();
      const isWritten = buffer.append(frame).then(
        () => true,
        () => false,
      );
      void isWritten; // its process dies before it can know
      for (let turns = rig.random.int(0, 6); turns > 0; turns -= 1) await null;
      await rig.crash("power-cut");
      if (buffer.newestSeq === frame.seq || rig.buffer.newestSeq === frame.seq) {
        model.appended.set(frame.seq, frame.bytes); // whether it was told or not
      }
      return afterCrash(rig, model);
    }
  }
}

async function append(rig: BufferRig, model: Model, series: number): Promise<void> {
  if (model.needsEpoch) rig.beginEpoch();
  model.needsEpoch = false;
  const frame: EncodedFrame = rig.frame(series);
  try {
    await rig.buffer.append(frame);
    model.appended.set(frame.seq, frame.bytes);
  } catch (error) {
    if (!rig.disk.isFull) throw error;
    rig.buffer.discard(frame, "disk_full");
    model.needsEpoch = true;
  }
}

/** The reader takes a range once; whether the buffer hears that he did is left to chance. */
function report({ buffer }: BufferRig, model: Model, share: number): void {
  for (const { id, reason, frames } of buffer.droppedRanges(share < 0.5 ? 1 : 3)) {
    if (id <= model.toldId) continue;
    model.toldId = id;
    model.told.set(reason, frames + (model.told.get(reason) ?? 0));
  }
  if (share % 0.2 < 0.1) buffer.rangesReported(model.toldId);
}

/** Once everything was told of, the reader knows the same as the ledger. */
async function checkTold(rig: BufferRig, model: Model): Promise<void> {
  await rig.restart();
  for (let turns = 0; turns < 200; turns += 1) report(rig, model, 0.65);
  rig.buffer.rangesReported(model.toldId);
  expect(rig.buffer.droppedRanges(1)).toEqual([]);
  expect(Object.fromEntries(model.told)).toEqual(rig.dropped());
}

/** Acks are not synced: a power cut may take back the last ones, never a frame. */
function afterCrash(rig: BufferRig, model: Model): void {
  expect(rig.buffer.ackedSeq).toBeLessThanOrEqual(model.ackedSeq);
  model.ackedSeq = rig.buffer.ackedSeq;
  model.needsEpoch = false;
}

test("whatever is appended, acked, refused, crashed: each frame waits until it is settled, once", async () => {
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 1_000_000 }), async (script, seed) => {
      const rig = await BufferRig.open({}, seed);
      const model = new Model();
      for (const [place, next] of script.entries()) {
        await run(rig, model, next);
        if (!rig.disk.isFull && place % 4 === 3) await model.check(rig);
      }
      if (rig.disk.isFull) return;
      await model.check(rig);
      await checkTold(rig, model);
    }),
    { numRuns: 30 },
  );
});

test("a small limit is kept at every step, and all that is left can be read", async () => {
  const kinds = new Set(["append", "ack", "restart", "epoch"]);
  const steps = fc.array(
    step.filter(({ kind }) => kinds.has(kind)),
    { maxLength: 50, size: "max" },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 400, max: 3000 }), async (script, bytesMax) => {
      const rig = await BufferRig.open({ bytesMax });
      let needsEpoch = false;
      for (const next of script) {
        if (next.kind === "ack") await rig.buffer.ack(rig.buffer.newestSeq);
        if (next.kind === "restart") await rig.restart();
        else if (next.kind === "epoch" || needsEpoch) rig.beginEpoch();
        needsEpoch = false;
        if (next.kind === "append") {
          const frame = rig.frame(next.series);
          try {
            await rig.buffer.append(frame);
          } catch {
            rig.buffer.discard(frame, "buffer_full");
            needsEpoch = true;
          }
        }
        const { made, stored, waiting, dropped } = rig.books();
        expect(made).toBe(stored + waiting + dropped);
        expect(rig.metric("telltale_agent_buffer_bytes")).toBeLessThanOrEqual(bytesMax);
        expect(await rig.readAll(rig.buffer.ackedSeq)).toHaveLength(waiting);
      }
      expect(await rig.undecodable()).toEqual([]);
    }),
    { numRuns: 20 },
  );
});
