import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHUNK_VERSION } from "../../../aggregator/series/chunk.ts";
import { Chunk, type Piece } from "../../../aggregator/series/chunk-decoder.ts";
import { ChunkEncoder } from "../../../aggregator/series/chunk-encoder.ts";
import { Changes, GroupRows } from "../../../aggregator/series/group-rows.ts";
import { HeadReader } from "../../../aggregator/series/head-reader.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { columnBits } from "../../../shared/model/stale.ts";
import { ByteWriter } from "../../../shared/wire/bytes.ts";

const ALL_MS = Number.MAX_SAFE_INTEGER;

type Tick = { readonly stepMs: number; readonly isSilent: boolean; readonly values: Value[] };
/** null: ends; undefined: as it was. */
type Value = number | null | undefined;

const wholeValue = fc.oneof(
  fc.integer({ min: -100, max: 100 }),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 2 ** 31, -(2 ** 31), 2 ** 51, 2 ** 52),
);
const anyValue = fc.oneof(
  wholeValue,
  fc.double(),
  fc.integer({ min: -100_000, max: 100_000 }).map((n) => n / 1000),
);

function ticks(value: fc.Arbitrary<number>, columns: number): fc.Arbitrary<Tick[]> {
  const one = fc.oneof(
    { arbitrary: fc.constant(undefined), weight: 4 },
    { arbitrary: value, weight: 3 },
    { arbitrary: fc.constant(null), weight: 1 },
  );
  const tick = fc.record({
    stepMs: fc.oneof(
      { arbitrary: fc.constant(1000), weight: 9 },
      fc.integer({ min: 1, max: 9999 }),
    ),
    isSilent: fc.boolean().map((isTrue) => isTrue && columns > 2),
    values: fc.array(one, { minLength: columns, maxLength: columns }),
  });
  return fc.array(tick, { minLength: 1, maxLength: 60, size: "max" });
}

function rowsOf(all: readonly Tick[], scales: readonly number[]): GroupRows {
  const rows = new GroupRows(1, 1, 0);
  let timeMs = 1_767_700_800_000;
  for (const scale of scales) rows.addColumn(rows.columnCount + 1, rows.columnCount, scale);
  for (const { stepMs, isSilent, values } of all) {
    values.forEach((value, column) => {
      if (value === null) rows.end(column);
      else if (value !== undefined) rows.set(column, value);
    });
    timeMs += stepMs;
    rows.appendRow(timeMs, isSilent);
  }
  return rows;
}

function encode(
  rows: GroupRows,
  from: number,
  end: number,
  version: number = CHUNK_VERSION.cut,
): Uint8Array | null {
  const encoder = new ChunkEncoder(version);
  const changes = new Changes();
  encoder.begin(from, rows.times(from, end), rows.silentRows);
  for (let column = 0; column < rows.columnCount; column += 1) {
    rows.readChanges(column, from, end, changes);
    encoder.addColumn(rows.refOf(column), rows.scaleOf(column), changes);
  }
  return encoder.finish();
}

function texts({ times, values }: Piece): string[] {
  const bits = columnBits(values);
  return [...times].map((time, i) => `${time} ${bits[i * 2 + 1]} ${bits[i * 2]}`);
}

function readByRef(bytes: Uint8Array | null, startMs = 0, endMs = ALL_MS): Map<number, string[]> {
  const byRef = new Map<number, string[]>();
  if (bytes === null) return byRef;
  const chunk = new Chunk(bytes);
  chunk.refs.forEach((ref, i) => {
    byRef.set(ref, texts(chunk.read(i, startMs, endMs)));
  });
  return byRef;
}

describe("a chunk", () => {
  const scales = [0, 2, -1, 0];

  test.each([
    ["whole numbers", wholeValue],
    ["any numbers", anyValue],
  ])("gives back what the head has, bit for bit: %s", (_, value) => {
    fc.assert(
      fc.property(ticks(value, scales.length), fc.nat(), fc.nat(), (all, startAt, endAt) => {
        const rows = rowsOf(all, scales);
        const startMs = rows.timeOf(1 + (startAt % all.length)) - 1;
        const endMs = Math.max(startMs, rows.timeOf(1 + (endAt % all.length)));
        const chunk = readByRef(encode(rows, 1, rows.rowEnd), startMs, endMs);
        const reader = new HeadReader(startMs, () => endMs);
        scales.forEach((_scale, column) => {
          expect(chunk.get(column + 1) ?? []).toEqual(texts(reader.read(rows, column)));
        });
      }),
      { numRuns: 60 },
    );
  });

  test("and the head after dropping its rows have together what the head had", () => {
    fc.assert(
      fc.property(ticks(anyValue, scales.length), fc.nat(), (all, cutAt) => {
        const rows = rowsOf(all, scales);
        const before = new HeadReader(0, () => ALL_MS);
        const whole = scales.map((_scale, column) => texts(before.read(rows, column)));
        const row = 1 + (cutAt % (all.length + 1));
        const chunk = readByRef(encode(rows, 1, row));
        const freed = new Set<number>();
        rows.dropBefore(row, (column) => freed.add(column));
        const after = new HeadReader(0, () => ALL_MS);
        scales.forEach((_scale, column) => {
          const rest = freed.has(column) ? [] : texts(after.read(rows, column));
          expect([...(chunk.get(column + 1) ?? []), ...rest]).toEqual(whole[column]);
        });
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ["a constant", () => 5, 40],
    ["a counter that grows evenly", (i: number) => i * 10, 60],
    ["a counter with small steps", (i: number) => i * 100 + ((i * 7919) % 16), 700],
    ["a value that changes now and then", (i: number) => Math.floor(i / 100), 60],
    ["an acceleration", (i: number) => i * i, 1250],
  ])("takes few bytes for %s", (_, valueAt, bytesMax) => {
    const all = Array.from({ length: 1000 }, (__, i): Tick => {
      return { stepMs: 1000, isSilent: false, values: [valueAt(i)] };
    });
    expect(encode(rowsOf(all, [0]), 1, 1001)?.length).toBeLessThan(bytesMax);
    expect(encode(rowsOf(all, [-1]), 1, 1001)?.length).toBeLessThan(bytesMax);
  });

  test("with any byte changed is refused", () => {
    const bytes = encode(rowsOf(sampleTicks(), scales), 1, 21) ?? new Uint8Array();
    for (let i = 0; i < bytes.length; i += 1) {
      const damaged = bytes.slice();
      damaged[i] = (damaged[i] ?? 0) ^ 0x10;
      expect(() => new Chunk(damaged)).toThrow(OperationalError);
    }
  });

  test("with damage under a right checksum never does worse than say so", () => {
    const bytes = encode(rowsOf(sampleTicks(), scales), 1, 21) ?? new Uint8Array();
    fc.assert(
      fc.property(fc.nat(bytes.length - 5), fc.nat(255), (at, byte) => {
        const writer = new ByteWriter(bytes.length);
        const damaged = bytes.slice(0, -4);
        damaged[at] = byte;
        writer.bytes(damaged);
        try {
          for (const samples of readByRef(writer.finish()).values()) {
            expect(samples.length).toBeLessThanOrEqual(65_536);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: "PARSE" });
        }
      }),
      { numRuns: 200 },
    );
  });
});

function sampleTicks(): Tick[] {
  return Array.from({ length: 20 }, (_, i): Tick => {
    return { stepMs: 1000, isSilent: false, values: [i, i * i, i / 7, i % 3 === 0 ? null : 1] };
  });
}
