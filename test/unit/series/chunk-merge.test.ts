import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHUNK_VERSION } from "../../../aggregator/series/chunk.ts";
import { Chunk } from "../../../aggregator/series/chunk-decoder.ts";
import { ChunkEncoder } from "../../../aggregator/series/chunk-encoder.ts";
import { ChunkMerge, canFollow, isMergeable } from "../../../aggregator/series/chunk-merge.ts";
import { ColumnValues } from "../../../aggregator/series/column-values.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { DOUBLE_SCALE } from "../../../shared/model/series-definition.ts";
import { columnBits } from "../../../shared/model/stale.ts";
import { SeededRandom } from "../../support/random.ts";

const START_MS = 1_767_700_800_000;
const merge = new ChunkMerge(async () => {});

/** A value as its two halves; null: none; "end": a marker. */
type Cell = readonly [low: number, high: number] | null | "end";

function bitsOf(value: number): Cell {
  const bits = columnBits(Float64Array.of(value));
  return [bits[0] ?? 0, bits[1] ?? 0];
}

const double = fc.oneof(
  { arbitrary: fc.integer({ min: -3, max: 3 }).map(bitsOf), weight: 4 },
  {
    arbitrary: fc.integer({ min: -100_000, max: 100_000 }).map((n) => bitsOf(n / 1000)),
    weight: 2,
  },
  { arbitrary: fc.double().map(bitsOf), weight: 1 },
  {
    arbitrary: fc
      .constantFrom(0, -0, 2 ** 51, 2 ** 53, -(2 ** 53), 2 ** 53 - 1, 5e-324, Number.MAX_VALUE)
      .map(bitsOf),
    weight: 1,
  },
  // Infinities and NaNs of all kinds; the staleness marker is none of them.
  {
    arbitrary: fc
      .tuple(fc.nat(), fc.constantFrom(0x7ff00000, 0xfff00000, 0x7ff80000, 0xfff80001, 0x7ff40000))
      .filter(([low, high]) => low !== 2 || high !== 0x7ff00000),
    weight: 1,
  },
);
const cell: fc.Arbitrary<Cell> = fc.oneof(
  { arbitrary: double, weight: 8 },
  { arbitrary: fc.constant(null), weight: 1 },
  { arbitrary: fc.constant("end" as const), weight: 1 },
);
/** Cells and how many rows each goes on for. */
const column = fc.array(fc.tuple(cell, fc.integer({ min: 1, max: 40 })), {
  minLength: 1,
  maxLength: 40,
  size: "max",
});

function rowsOf(column: readonly (readonly [Cell, number])[], count: number): Cell[] {
  const cells: Cell[] = [];
  for (const [one, times] of column) {
    // A marker is one: what goes on after it is nothing.
    for (let i = 0; i < times; i += 1) cells.push(one === "end" && i > 0 ? null : one);
  }
  return Array.from({ length: count }, (_, i) => cells[i] ?? null);
}

function encode(
  columns: readonly (readonly Cell[])[],
  from: number,
  end: number,
): Uint8Array | null {
  const encoder = new ChunkEncoder(CHUNK_VERSION.cut);
  encoder.begin(from, timesOf(from, end), []);
  columns.forEach((cells, place) => {
    const values = new ColumnValues();
    for (let row = from; row < end; row += 1) {
      const one = cells[row] ?? null;
      if (one === "end") values.addMarker(row);
      else if (one !== null) values.addValues(row, columnOfBits(one), 0, 1);
    }
    encoder.addValues(place + 1, DOUBLE_SCALE, values);
  });
  return encoder.finish();
}

function columnOfBits([low, high]: readonly [number, number]): Float64Array {
  const one = new Float64Array(1);
  columnBits(one).set([low, high]);
  return one;
}

/** Uneven, so that rows are told apart. */
function timesOf(from: number, end: number): Float64Array {
  return Float64Array.from({ length: end - from }, (_, i) => {
    return START_MS + (from + i) * 1000 + (((from + i) * 7) % 13) * 50;
  });
}

function samplesOf(chunks: readonly Chunk[]): Map<number, string[]> {
  const samples = new Map<number, string[]>();
  for (const chunk of chunks) {
    chunk.refs.forEach((ref, i) => {
      const { times, values } = chunk.read(i, 0, Number.MAX_SAFE_INTEGER);
      const bits = columnBits(values);
      const texts = [...times].map((time, at) => `${time} ${bits[at * 2 + 1]} ${bits[at * 2]}`);
      samples.set(ref, [...(samples.get(ref) ?? []), ...texts]);
    });
  }
  return samples;
}

function chunkOf(bytes: Uint8Array | null): Chunk[] {
  return bytes === null ? [] : [new Chunk(bytes)];
}

async function merged(chunks: readonly Chunk[]): Promise<Uint8Array> {
  return (await merge.merge(chunks)) ?? new Uint8Array();
}

describe("merged chunks", () => {
  test("have the samples of those they are made of, bit for bit", async () => {
    const columns = fc.array(column, { minLength: 1, maxLength: 5 });
    const cuts = fc.array(fc.integer({ min: 1, max: 399 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(columns, cuts, async (drawn, drawnCuts) => {
        const cells = drawn.map((one) => rowsOf(one, 400));
        const ends = [...new Set([0, ...drawnCuts, 400])].sort((a, b) => a - b);
        const chunks = ends.slice(1).flatMap((end, i) => chunkOf(encode(cells, ends[i] ?? 0, end)));
        if (chunks.length === 0) return;
        const one = new Chunk(await merged(chunks));
        expect(one.version).toBe(CHUNK_VERSION.merged);
        expect(samplesOf([one])).toEqual(samplesOf(chunks));
        // What was merged can be merged again.
        expect(samplesOf([new Chunk(await merged([one]))])).toEqual(samplesOf(chunks));
      }),
      { numRuns: 60 },
    );
  });

  test("with any bit changed are refused", async () => {
    const bytes = await merged(noisyChunks());
    for (let i = 0; i < bytes.length; i += 7) {
      const damaged = bytes.slice();
      damaged[i] = (damaged[i] ?? 0) ^ (1 << (i & 7));
      expect(() => new Chunk(damaged)).toThrow(OperationalError);
    }
    expect(() => new Chunk(bytes.subarray(0, -1))).toThrow(OperationalError);
  });

  test("take far less room where values are noisy", async () => {
    const cut = noisy().reduce((sum, { length }) => sum + length, 0);
    expect((await merged(noisyChunks())).length).toBeLessThan(cut / 2);
  });

  test("follow each other in time, and are not those that have a series twice", () => {
    const [first, second] = noisyChunks();
    if (first === undefined || second === undefined) throw new Error("two chunks are needed");
    expect(canFollow([first], second)).toBe(true);
    expect(canFollow([second], first)).toBe(false);
    expect(canFollow([first], first)).toBe(false);
    expect(isMergeable(first)).toBe(true);
    const encoder = new ChunkEncoder(CHUNK_VERSION.cut);
    encoder.begin(0, timesOf(0, 1), []);
    for (const value of [1, 2]) {
      const values = new ColumnValues();
      values.addValues(0, Float64Array.of(value), 0, 1);
      encoder.addValues(9, DOUBLE_SCALE, values);
    }
    expect(isMergeable(new Chunk(encoder.finish() ?? new Uint8Array()))).toBe(false);
  });
});

/** Five of 1,000 rows: a counter that rises in a tenth of them, by 0 to 255. */
function noisy(): Uint8Array[] {
  const random = new SeededRandom(3);
  let value = 0;
  const cells = Array.from({ length: 5000 }, () => {
    if (random.chance(0.1)) value += random.int(0, 255);
    return bitsOf(value);
  });
  return [0, 1000, 2000, 3000, 4000].flatMap((from) => encode([cells], from, from + 1000) ?? []);
}

function noisyChunks(): Chunk[] {
  return noisy().flatMap(chunkOf);
}
