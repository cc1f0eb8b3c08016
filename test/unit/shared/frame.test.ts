import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { labelsOf } from "../../../shared/model/labels.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import { DOUBLE_SCALE } from "../../../shared/model/series-definition.ts";
import { parseFrame, StreamDecoder } from "../../../shared/wire/frame-decoder.ts";
import { type EncodedFrame, FrameEncoder } from "../../../shared/wire/frame-encoder.ts";

const labels = (name: string) => labelsOf({ __name__: name });

function read(decoder: StreamDecoder, epoch: number, frame: EncodedFrame): Map<string, number> {
  decoder.define(epoch, frame.definitions);
  const parsed = parseFrame(frame.bytes);
  expect(decoder.check(parsed)).toBe("take");
  decoder.apply(parsed);
  return living(decoder);
}

function living(decoder: StreamDecoder): Map<string, number> {
  const values = new Map<string, number>();
  for (const { id, labels: named } of decoder.definitions) {
    if (decoder.isAlive[id] === 1) values.set(named[1] ?? "", decoder.values[id] ?? Number.NaN);
  }
  return values;
}

describe("a stream of frames", () => {
  test("gives the reader the values of every tick, whatever ends, returns or restarts", () => {
    const value = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -1000, max: 1000 }) },
      { weight: 1, arbitrary: fc.maxSafeInteger() },
      { weight: 1, arbitrary: fc.double({ noNaN: true }) },
    );
    const tick = fc.record({
      values: fc.dictionary(
        fc.constantFrom("a", "b", "c", "d", "e"),
        value.map((n) => (n === 0 ? 0 : n)), // a negative zero is a zero on the wire
      ),
      isNewEpoch: fc.boolean(),
      retires: fc.subarray(["a", "b", "c", "d", "e"], { maxLength: 1 }),
      ticksSecond: fc.boolean(),
      reopensSecond: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(tick, { maxLength: 40, size: "max" }), (ticks) => {
        const encoder = new FrameEncoder(1, { keyframeEvery: 5 });
        const second = encoder.newGroup();
        let secondReadAtMs = 0;
        let decoder = new StreamDecoder();
        let epoch = 1;
        const slots = new Map<string, number>();
        const expected = new Map<string, number>();
        ticks.forEach(({ values, isNewEpoch, retires, ticksSecond, reopensSecond }, index) => {
          if (isNewEpoch && index % 7 === 0) {
            epoch += 1;
            encoder.beginEpoch(epoch);
          }
          for (const name of reopensSecond ? ["e", ...retires] : retires) {
            const slot = slots.get(name);
            if (slot !== undefined) encoder.retire(slot);
            slots.delete(name);
            expected.delete(name);
          }
          if (reopensSecond) encoder.closeGroup(second);
          if (reopensSecond) expect(encoder.newGroup()).toBe(second);
          for (const [name, n] of Object.entries(values)) {
            if (name === "e" && !ticksSecond) continue;
            const slot =
              slots.get(name) ??
              encoder.define(
                name === "e" ? second : 0,
                name === "d" ? DOUBLE_SCALE : 0,
                labels(name),
              );
            slots.set(name, slot);
            encoder.set(slot, n);
          }
          for (const name of ["a", "b", "c", "d", ...(ticksSecond ? ["e"] : [])]) {
            const n = values[name];
            if (n === undefined) expected.delete(name);
            else expected.set(name, n);
          }
          const timeMs = 1000 + index * 10;
          if (ticksSecond) secondReadAtMs = timeMs - 3;
          if (ticksSecond) encoder.read(second, secondReadAtMs);
          const frame = encoder.encodeTick(timeMs);
          expect(new Map([...read(decoder, epoch, frame)].sort())).toEqual(
            new Map([...expected].sort()),
          );
          const times = new Map(decoder.readings.map((reading) => [reading.group, reading.timeMs]));
          // Of a group without series a reading need not be told.
          const isTold = ticksSecond && (expected.has("e") || times.has(second));
          const readings = isTold ? [[second, secondReadAtMs] as const] : [];
          expect(times).toEqual(new Map([[0, timeMs], ...readings]));
          expect(frame.livingCount).toBe(expected.size);
          // From its snapshot a fresh reader goes on as if it had read everything.
          const restored = new StreamDecoder();
          restored.define(epoch, decoder.definitions);
          restored.apply(parseFrame(decoder.snapshot(timeMs, () => 0)));
          expect(living(restored)).toEqual(living(decoder));
          decoder = restored;
        });
      }),
      { numRuns: 100 },
    );
  });

  test("names a series once, and sends only what changed", () => {
    const encoder = new FrameEncoder(1, { keyframeEvery: 60 });
    const slots = Array.from({ length: 300 }, (_, i) => encoder.define(0, 0, labels(`m${i}`)));
    const sizes: number[] = [];
    for (let tick = 0; tick < 3; tick += 1) {
      for (const slot of slots) encoder.set(slot, slot < 30 ? slot + tick : 1_000_000);
      const frame = encoder.encodeTick(tick);
      sizes.push(frame.bytes.length);
      expect(frame.definitions.length).toBe(tick === 0 ? 300 : 0);
      expect(frame.sampleCount).toBe(300);
    }
    expect(sizes[1]).toBeLessThan(300 * 0.5);
    expect(sizes[2]).toBe(sizes[1]);
  });

  test("a value that is held stands until it is ended", () => {
    const encoder = new FrameEncoder(1, { keyframeEvery: 3 });
    const held = encoder.define(0, 0, labels("held"));
    const decoder = new StreamDecoder();
    const ticks = [
      () => encoder.hold(held, 1),
      () => {},
      () => encoder.hold(held, 2),
      () => encoder.end(held),
      () => encoder.beginEpoch(2),
      () => encoder.hold(held, 3),
      () => encoder.retire(held),
    ];
    const given = ticks.map((tick, index) => {
      tick();
      const frame = encoder.encodeTick(index);
      return Object.fromEntries(read(decoder, index < 4 ? 1 : 2, frame));
    });
    expect(given).toEqual([{ held: 1 }, { held: 1 }, { held: 2 }, {}, {}, { held: 3 }, {}]);
  });

  test("a slot is given out again only after its series ended", () => {
    const encoder = new FrameEncoder(1, { keyframeEvery: 60 });
    const decoder = new StreamDecoder();
    const first = encoder.define(0, 0, labels("first"));
    encoder.hold(first, 1);
    read(decoder, 1, encoder.encodeTick(0));
    encoder.retire(first);
    const second = encoder.define(0, 0, labels("second"));
    expect(second).not.toBe(first);
    encoder.set(second, 2);
    const values = Object.fromEntries(read(decoder, 1, encoder.encodeTick(1)));
    expect(values).toEqual({ second: 2 });
    expect(encoder.define(0, 0, labels("third"))).toBe(first);
    // Ended before it was retired: it must not be lost for ever.
    encoder.encodeTick(2);
    encoder.retire(second);
    encoder.encodeTick(3);
    expect(encoder.define(0, 0, labels("fourth"))).toBe(second);
  });

  test("after a missing frame takes nothing before the next keyframe", () => {
    const encoder = new FrameEncoder(1, { keyframeEvery: 3 });
    const slot = encoder.define(0, 0, labels("a"));
    const frames = [0, 1, 2, 3].map((n) => {
      encoder.set(slot, n);
      return encoder.encodeTick(n);
    });
    const decoder = new StreamDecoder();
    decoder.define(1, frames[0]?.definitions ?? []);
    const parsed = frames.map((frame) => parseFrame(frame.bytes));
    const [first, second, third, fourth] = parsed;
    if (!first || !second || !third || !fourth) throw new Error("four frames were made");
    decoder.apply(first);
    expect(decoder.check(third)).toBe("no-base");
    expect(decoder.check(fourth)).toBe("take");
    decoder.apply(fourth);
    expect(decoder.check(second)).toBe("duplicate");
    expect(decoder.lastSeq).toBe(seqOf(1, 4));
  });

  test("refuses definitions that do not follow and frames that name unknown series", () => {
    const decoder = new StreamDecoder();
    decoder.define(1, [{ id: 0, group: 0, scale: 0, labels: labels("a") }]);
    expect(() => decoder.define(1, [{ id: 2, group: 0, scale: 0, labels: labels("b") }])).toThrow(
      "Series 2 of epoch 1 where 1 should follow",
    );
    const encoder = new FrameEncoder(1, { keyframeEvery: 3 });
    for (const name of ["a", "b"]) encoder.set(encoder.define(0, 0, labels(name)), 1);
    expect(decoder.check(parseFrame(encoder.encodeTick(1).bytes))).toBe("unknown-series");
  });
});
