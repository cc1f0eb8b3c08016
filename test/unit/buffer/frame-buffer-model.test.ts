import fc from "fast-check";
import { expect, test } from "vitest";
import type { EncodedFrame } from "../../../shared/wire/frame-encoder.ts";
import { BufferRig, seqs } from "./buffer-rig.ts";

type Step =
  | { readonly kind: "append"; readonly series: number }
  | { readonly kind: "ack"; readonly share: number }
  | { readonly kind: "refuse"; readonly share: number }
  | { readonly kind: "full"; readonly isFull: boolean }
  | { readonly kind: "crash"; readonly how: "kill" | "power-cut" }
  | { readonly kind: "write-and-crash" }
  | { readonly kind: "restart" }
  | { readonly kind: "epoch" }
  | { readonly kind: "report"; readonly share: number };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      series: fc.constantFrom(0, 0, 0, 1, 5),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("ack" as const), share }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("refuse" as const), share }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("full" as const),
      isFull: fc.constantFrom(true, false, false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("crash" as const),
      how: fc.constantFrom("kill" as const, "power-cut" as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "write-and-crash" } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: "epoch" } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("report" as const), share }) },
);

/** What must be there: every frame that was appended, and up to where it was acked. */
class Model {
  readonly appended = new Map<number, Uint8Array>();
  ackedSeq = 0;
  needsEpoch = false;
  /** Dropped frames by reason, as one who takes each range once was told of them. */
  readonly told = new Map<string, number>();
  toldId = 0;

  waiting(): number[] {
    return [...this.appended.keys()].filter((seq) => seq > this.ackedSeq);
  }
}

async function run(rig: BufferRig, model: Model, { kind, ...step }: Step): Promise<void> {
  const { buffer } = rig;
  const pick = () => seqs(model.waiting().map((seq) => ({ seq })));
  switch (kind) {
    case "append":
      return await append(rig, model, "series" in step ? step.series : 0);
    case "epoch":
      rig.beginEpoch();
      return;
    case "report":
      return report(rig, model, "share" in step ? step.share : 0);
    case "full":
      rig.disk.isFull = "isFull" in step && step.isFull;
      return;
    case "refuse": {
      const waiting = pick();
      const seq = waiting[Math.floor(("share" in step ? step.share : 0) * waiting.length)];
      if (seq !== undefined) buffer.dropped(seq, "future");
      return;
    }
    case "ack": {
      const waiting = pick();
      const seq = waiting[Math.floor(("share" in step ? step.share : 0) * waiting.length)];
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
      await rig.crash("how" in step ? step.how : "kill");
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

async function check(rig: BufferRig, model: Model): Promise<void> {
  const { made, stored, waiting, dropped } = rig.books();
  expect(made).toBe(stored + waiting + dropped);
  expect(waiting).toBe(model.waiting().length);
  const read = await rig.readAll(rig.buffer.ackedSeq);
  expect(seqs(read)).toEqual(model.waiting());
  for (const { seq, bytes } of read) {
    expect(Buffer.compare(bytes, model.appended.get(seq) ?? new Uint8Array())).toBe(0);
  }
  expect(await rig.undecodable()).toEqual([]);
}

test("whatever is appended, acked, refused, crashed: each frame waits until it is settled, once", async () => {
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 1_000_000 }), async (script, seed) => {
      const rig = await BufferRig.open({}, seed);
      const model = new Model();
      for (const [place, next] of script.entries()) {
        await run(rig, model, next);
        if (!rig.disk.isFull && place % 4 === 3) await check(rig, model);
      }
      if (rig.disk.isFull) return;
      await check(rig, model);
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
        if (next.kind === "restart") needsEpoch = false;
        if (next.kind === "epoch" || needsEpoch) rig.beginEpoch();
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
