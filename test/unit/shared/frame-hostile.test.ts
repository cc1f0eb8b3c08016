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
  COUNT_CODE,
  COUNTS_PLAIN,
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
import { bitLength, writeTail } from "../../../shared/wire/prefix-code.ts";

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

/** `bits(value, length)` of a test's own, or a count. */
type Bits = readonly [value: number, length: number] | number;

/** A frame's head, its number of groups, then bits. */
function written(head: Iterable<number>, bits: Iterable<Bits>): Uint8Array {
  const writer = new ByteWriter(64);
  for (const byte of head) writer.byte(byte);
  for (const one of bits) {
    if (typeof one === "number") writeCount(writer, one);
    else writer.bits(...one);
  }
  writer.align();
  return writer.finish();
}

function writeCount(writer: ByteWriter, count: number): void {
  const length = bitLength(count);
  const symbol = count < COUNTS_PLAIN ? count : length + 1;
  writer.bits(COUNT_CODE.codeOf(symbol), COUNT_CODE.lengthOf(symbol));
  if (symbol >= COUNTS_PLAIN) writeTail(writer, count, length);
}

/** Heads of a delta frame with one group: of this many series at time 1, of a million. */
const headOf = (seriesCount: number) => [1, 0, 1, 2, 1, seriesCount, 1];
const HEAD = [1, 0, 1, 2, ...varint(1e12), ...varint(1e6), 1];
const READ: Bits = [1, 1];
const UNREAD: Bits = [0, 1];
const NEW: Bits = [0, 1];
const OLD: Bits = [1, 1];
/** A group behind `gap` others, read now; its counts follow. */
const group = (gap: number): Bits[] => [gap, READ, NEW];

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
    ["of a time beyond all", [1, 1, 1, 1, ...varint(2 ** 48), 0, 0], "time 281474976710656"],
    ["with more groups than bytes", [1, 1, 1, 1, 1, 9, ...varint(2 ** 32)], "is cut off"],
    ["of more groups than series", [1, 0, 1, 2, 1, 0, 2, 0, 0], "has 2 groups"],
    ["with bytes behind its end", [1, 0, 1, 2, 1, 0, 0, 7], "has 1 bytes too many"],
  ])("%s is refused for what it is", (_what, body, expected) => {
    expectRefused(sealed(body), expected);
  });

  test.each<[string, number[], Bits[], string]>([
    ["with 999,999 changes", HEAD, [...group(1), 0, 999_999, 0], "is cut off"],
    ["with 999,999 endings", HEAD, [...group(1), 999_999, 0], "is cut off"],
    [
      "with more changes than series",
      headOf(3),
      [...group(0), 0, 4, 0, 0, 0, 0, 0, 0, 0, 0],
      "4 series in a group of 3",
    ],
    ["with a gap beyond the series", HEAD, [...group(1), 0, 1, 1_048_575], "names series 1048575"],
    ["with a group beyond the last", headOf(0), [...group(65_536), 0, 0], "has group 65536"],
    [
      "with a reading before 1970",
      headOf(0),
      [0, READ, OLD, [2, 6], [0, 1], 0, 0],
      "has a reading 2 ms old",
    ],
    ["with an age of no bits", HEAD, [0, READ, OLD, [0, 6], 0, 0], "an age of 0 bits"],
    ["with an age of 49 bits", HEAD, [0, READ, OLD, [49, 6], 0, 0], "an age of 49 bits"],
    [
      "that ends in a keyframe",
      [1, 1, 1, 2, 1, 1, 1],
      [...group(0), 1, 0, 0],
      "ends series in a keyframe",
    ],
    ["with bits behind its end", headOf(1), [...group(0), 0, 0, [1, 1]], "bits are left over"],
    [
      "that changes a series of a group that was not read",
      headOf(3),
      [1, UNREAD, NEW, 0, 1, 1, [CHANGE_CODE.codeOf(ZERO), CHANGE_CODE.lengthOf(ZERO)]],
      "changes a group",
    ],
  ])("%s is refused for what it is", (_what, head, bits, expected) => {
    expectRefused(written(head, bits), expected);
  });

  test.each([ZERO, ABSOLUTE, NEGATIVE, REPEAT])(
    "with the negative of symbol %i is refused",
    (symbol) => {
      const symbols = [NEGATIVE, symbol].map((one): Bits => {
        return [CHANGE_CODE.codeOf(one), CHANGE_CODE.lengthOf(one)];
      });
      const frame = written(HEAD, [...group(0), 0, 1, 0, ...symbols]);
      expectRefused(frame, `a negative of ${symbol}`);
    },
  );

  test("that ends a series and changes it is refused", () => {
    const output = new FrameOutput();
    const head = { seq: seqOf(1, 2), timeMs: 1, isKeyframe: false, seriesCount: 3, groupCount: 2 };
    output.begin(head);
    output.group({ group: 1, isRead: true, ageMs: 0, endedCount: 1, changedCount: 0 });
    output.ended(2);
    output.group({ group: 2, isRead: true, ageMs: 0, endedCount: 0, changedCount: 2 });
    output.beginChanged();
    for (const id of [1, 2]) output.changed(id, 5, 0);
    expectRefused(output.finish(), "frame 4294967298 names series 2 twice");
    // Each frame is looked at for itself.
    output.begin({ ...head, groupCount: 1 });
    output.group({ group: 1, isRead: true, ageMs: 0, endedCount: 1, changedCount: 0 });
    output.ended(2);
    expect(parseFrame(output.finish()).groups[0]?.ended).toEqual([2]);
  });

  test("over the size of a frame is refused before it is looked at", () => {
    expectRefused(new Uint8Array(FRAME_BYTES_MAX + 1), "is over 2097152");
  });

  test("that claims much costs no memory", () => {
    const claims = written(HEAD, [...group(1), 0, 999_999]);
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
