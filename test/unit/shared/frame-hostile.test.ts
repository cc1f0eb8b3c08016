import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { epochOfSeq, seqOf } from "../../../shared/model/sequence.ts";
import { DOUBLE_SCALE, type SeriesDefinition } from "../../../shared/model/series-definition.ts";
import { ByteWriter } from "../../../shared/wire/bytes.ts";
import { FRAME_BYTES_MAX, FRAME_GROUPS_MAX } from "../../../shared/wire/frame.ts";
import {
  ABSOLUTE,
  CHANGE_CODE,
  GAP_CODE,
  NEGATIVE,
  REPEAT,
  ZERO,
} from "../../../shared/wire/frame-codes.ts";
import {
  type ParsedFrame,
  parseFrame,
  readFrameHeader,
  StreamDecoder,
} from "../../../shared/wire/frame-decoder.ts";
import { FrameEncoder } from "../../../shared/wire/frame-encoder.ts";
import { FrameOutput } from "../../../shared/wire/frame-output.ts";

/** A frame's body with a right checksum. */
function sealed(body: Iterable<number>): Uint8Array {
  const writer = new ByteWriter(64);
  for (const byte of body) writer.byte(byte);
  return writer.finish();
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

/** Head of a delta frame with one group; what follows are its counts. */
const HEAD = [1, 0, 1, 2, ...varint(1e12), ...varint(1e6), 1, 1, 0];

function expectRefused(bytes: Uint8Array, why: string): void {
  const fault = { code: "PARSE", message: expect.stringContaining(why) };
  expect(() => parseFrame(bytes)).toThrow(expect.objectContaining(fault));
}

/** What parsing may have allocated is paid for by the bytes, and what it gives is in order. */
function expectBounded(frame: ParsedFrame, bytes: Uint8Array): void {
  let named = 0;
  let groupBefore = -1;
  for (const { group, ended, changed, values, isAbsolute } of frame.groups) {
    expect(group).toBeGreaterThan(groupBefore);
    expect(group).toBeLessThan(FRAME_GROUPS_MAX);
    groupBefore = group;
    named += ended.length + changed.length;
    for (const ids of [ended, changed]) {
      ids.forEach((id, i) => {
        expect(id).toBeGreaterThan(ids[i - 1] ?? -1);
        expect(id).toBeLessThan(frame.seriesCount);
      });
    }
    expect([values.length, isAbsolute.length]).toEqual([changed.length, changed.length]);
    values.forEach((value, i) => {
      if (isAbsolute[i] === 0) expect(Number.isSafeInteger(value)).toBe(true);
    });
  }
  expect(named).toBeLessThanOrEqual(Math.min(frame.seriesCount, bytes.length * 8));
}

describe("a hostile frame", () => {
  test.each<[string, number[], string]>([
    ["of a version to come", [2, 0, 1, 1, 1, 0, 0], "has version 2, this program reads version 1"],
    ["of no version", [0, 0, 1, 1, 1, 0, 0], "frame has version 0"],
    ["without anything", [], "frame is cut off at byte 0"],
    ["with flags that are none", [1, 2, 1, 1, 1, 0, 0], "has flags 2"],
    [
      "of an epoch that makes sequences too large",
      [1, 1, ...varint(2 ** 21), 1, 1, 0, 0],
      "frame 1 of epoch 2097152 is beyond all",
    ],
    [
      "of a count that makes sequences too large",
      [1, 1, 1, ...varint(2 ** 32), 1, 0, 0],
      "frame 4294967296 of epoch 1 is beyond all",
    ],
    ["with a number beyond 2^53", [1, 1, 1, 1, ...new Array(8).fill(0xff), 0, 0], "is too large"],
    [
      "with more series than a stream may have",
      [1, 1, 1, 1, 1, ...varint(1_000_001), 0],
      "1000001 series",
    ],
    ["with more groups than bytes", [1, 1, 1, 1, 1, 9, ...varint(2 ** 32)], "is cut off"],
    ["with 2^32 changes", [...HEAD, 0, ...varint(2 ** 32), 0, 0, 0], "is cut off"],
    ["with 2^32 endings", [...HEAD, ...varint(2 ** 32), 0, 0], "is cut off"],
    [
      "with more changes than series",
      [1, 0, 1, 2, 1, 3, 1, 1, 0, 0, 4, 0, 0],
      "4 series in a group of 3",
    ],
    ["with a gap beyond the series", [...HEAD, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff], "of 1000000"],
    [
      "with groups out of order",
      [1, 0, 1, 2, 1, 1, 2, 5, 0, 0, 0, 3, 0, 0, 0],
      "has group 1 amiss",
    ],
    ["with a group twice", [1, 0, 1, 2, 1, 1, 2, 5, 0, 0, 0, 5, 0, 0, 0], "has group 2 amiss"],
    ["of more groups than series", [1, 0, 1, 2, 1, 0, 2, 1, 0, 0, 0, 3, 0, 0, 0], "has 2 groups"],
    [
      "with a group beyond the last",
      [1, 0, 1, 2, 1, 0, 1, ...varint(131_073), 0, 0, 0],
      "has group 65536 amiss",
    ],
    ["with a reading before 1970", [1, 0, 1, 2, 1, 0, 1, 1, 2, 0, 0], "has a reading 2 ms old"],
    ["that ends in a keyframe", [1, 1, 1, 2, 1, 1, 1, 1, 0, 1, 0, 0], "ends series in a keyframe"],
    ["with bytes behind its end", [1, 0, 1, 2, 1, 0, 0, 7], "has 1 bytes too many"],
    ["with bits behind its end", [1, 0, 1, 2, 1, 1, 1, 1, 0, 1, 0, 0x01], "bits are left over"],
  ])("%s is refused for what it is", (_what, body, expected) => {
    expectRefused(sealed(body), expected);
  });

  test.each([ZERO, ABSOLUTE, NEGATIVE, REPEAT])(
    "with the negative of symbol %i is refused",
    (symbol) => {
      const writer = new ByteWriter(64);
      for (const byte of [...HEAD, 0, 1]) writer.byte(byte);
      writer.bits(GAP_CODE.codeOf(0), GAP_CODE.lengthOf(0));
      for (const one of [NEGATIVE, symbol]) {
        writer.bits(CHANGE_CODE.codeOf(one), CHANGE_CODE.lengthOf(one));
      }
      writer.align();
      expectRefused(writer.finish(), `a negative of ${symbol}`);
    },
  );

  /** A delta frame with one group that changes these of its three series. */
  function delta(changed: readonly number[], ended: readonly number[], isRead: boolean) {
    const output = new FrameOutput();
    const head = { seq: seqOf(1, 2), timeMs: 1, isKeyframe: false, seriesCount: 3, groupCount: 1 };
    const counts = { endedCount: ended.length, changedCount: changed.length };
    output.begin(head);
    output.group({ group: 1, isRead, ageMs: 0, ...counts });
    for (const id of ended) output.ended(id);
    output.beginChanged();
    for (const id of changed) output.changed(id, 5, 0);
    output.endGroup();
    return output.finish();
  }

  test.each([
    ["changes a series of a group that was not read", delta([1], [], false), "changes a group"],
    ["ends a series and changes it", delta([1, 2], [2], true), "names series 2 twice"],
  ])("that %s is refused", (_what, bytes, expected) => {
    expectRefused(bytes, `frame 4294967298 ${expected}`);
  });

  test("over the size of a frame is refused before it is looked at", () => {
    expectRefused(new Uint8Array(FRAME_BYTES_MAX + 1), "is over 2097152");
  });

  test("that claims much costs no memory", () => {
    const claims = sealed([...HEAD, 0, ...varint(999_999), 0, 0, 0]);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1000; i += 1) expectRefused(claims, "is cut off");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 ** 2);
  });

  test("made of a good one by changes, with a right checksum, is refused or bounded", () => {
    const places = placesOf();
    const change = fc.record({
      at: fc.nat(4000),
      kind: fc.constantFrom("set", "flip", "insert", "remove", "cut"),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
    });
    fc.assert(
      fc.property(
        fc.nat(places.length - 1),
        fc.array(change, { minLength: 1, maxLength: 5 }),
        (index, changes) => {
          const { body, decoder } = atPlace(places[index]);
          const bytes = sealed(changedBy(body, changes));
          let frame: ParsedFrame;
          try {
            frame = parseFrame(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(OperationalError);
            return;
          }
          expectBounded(frame, bytes);
          expect(readFrameHeader(bytes).seq).toBe(frame.seq);
          if (decoder.check(frame) !== "take") return;
          decoder.apply(frame);
          parseFrame(decoder.snapshot(frame.timeMs, () => 0));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

type Change = { readonly at: number; readonly kind: string; readonly byte: number };

function changedBy(body: number[], changes: readonly Change[]): number[] {
  for (const { at, kind, byte } of changes) {
    const place = body.length === 0 ? 0 : at % body.length;
    if (kind === "set") body[place] = byte;
    else if (kind === "flip") body[place] = (body[place] ?? 0) ^ (1 << (byte & 7));
    else if (kind === "insert") body.splice(place, 0, byte);
    else if (kind === "remove") body.splice(place, 1 + (byte & 3));
    else body.length = place;
  }
  return body;
}

type Place = {
  readonly bytes: Uint8Array;
  readonly epoch: number;
  readonly definitions: readonly SeriesDefinition[];
  /** The reader's state before it; null: it has taken none. */
  readonly snapshot: Uint8Array | null;
};

/** Every frame of a good stream with everything in it, and where its reader then stands. */
function placesOf(): Place[] {
  const places: Place[] = [];
  const decoder = new StreamDecoder();
  const encoder = new FrameEncoder(1, { keyframeEvery: 20 });
  const second = encoder.newGroup();
  const slots = BEHAVIOURS.map(({ group = 0, scale = 0 }, index) =>
    encoder.define(group, scale, labelsOf({ __name__: `m${index}` })),
  );
  for (let tick = 0; tick < 75; tick += 1) {
    const epoch = tick < 41 ? 1 : 2;
    if (tick === 41) encoder.beginEpoch(epoch);
    const timeMs = 1_790_000_000_000 + tick * 1000;
    if (tick % 3 === 0) encoder.read(second, timeMs - 250);
    BEHAVIOURS.forEach(({ at }, index) => {
      const value = at(tick);
      if (value !== null) encoder.set(slots[index] ?? 0, value);
    });
    const { bytes, definitions: added } = encoder.encodeTick(timeMs);
    decoder.define(epoch, added);
    const isBegun = epochOfSeq(decoder.lastSeq) === epoch;
    const definitions = [...decoder.definitions];
    const snapshot = isBegun ? decoder.snapshot(timeMs, () => timeMs) : null;
    places.push({ bytes, epoch, definitions, snapshot });
    decoder.apply(parseFrame(bytes));
  }
  return places;
}

/** Each does something that a reader can get wrong. */
const BEHAVIOURS: readonly {
  readonly group?: number;
  readonly scale?: number;
  /** The value at a tick; null: there is none. */
  readonly at: (tick: number) => number | null;
}[] = [
  { at: (tick) => tick * 7 },
  { at: (tick) => (tick % 5) * 40_960_000 },
  { at: (tick) => Number.MAX_SAFE_INTEGER - (tick % 3) },
  { at: (tick) => (tick % 2 === 0 ? 1 : -1) * 2 ** 52 },
  { at: (tick) => (tick % 2 === 0 ? 1 : -1) * (2 ** 46 - tick) },
  { scale: 3, at: () => -12_345 },
  { at: (tick) => (tick < 13 ? tick : null) },
  { at: (tick) => (tick % 10 < 5 ? tick * 1000 : null) },
  { scale: DOUBLE_SCALE, at: (tick) => [0, -0, Number.POSITIVE_INFINITY, -1.5][tick % 4] ?? 0 },
  { group: 1, at: (tick) => tick * tick },
  { group: 1, scale: DOUBLE_SCALE, at: (tick) => tick / 3 },
  { group: 1, at: (tick) => (tick < 50 ? 5 : null) },
];

function atPlace(place: Place | undefined): { body: number[]; decoder: StreamDecoder } {
  const decoder = new StreamDecoder();
  if (place === undefined) return { body: [], decoder };
  decoder.define(place.epoch, place.definitions);
  if (place.snapshot !== null) decoder.apply(parseFrame(place.snapshot));
  return { body: [...place.bytes.subarray(0, -4)], decoder };
}
