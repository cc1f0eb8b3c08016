import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readNumbers } from "../../../aggregator/series/number-decoder.ts";
import { NUMBERS_MIN, NumberEncoder } from "../../../aggregator/series/number-encoder.ts";
import { TOKEN_KINDS, tokenOf } from "../../../aggregator/series/number-tokens.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { ByteReader, ByteWriter } from "../../../shared/wire/bytes.ts";
import { SeededRandom } from "../../support/random.ts";

const WHOLE_MAX = 2 ** 51 - 1;

const number = fc.oneof(
  { arbitrary: fc.integer({ min: -20, max: 20 }), weight: 6 },
  { arbitrary: fc.integer({ min: -100_000, max: 100_000 }), weight: 3 },
  { arbitrary: fc.integer({ min: -WHOLE_MAX, max: WHOLE_MAX }), weight: 1 },
  { arbitrary: fc.constantFrom(0, WHOLE_MAX, -WHOLE_MAX, 2 ** 31, -(2 ** 31), 2 ** 32), weight: 1 },
);

function encoded(numbers: readonly number[]): Uint8Array | null {
  const encoder = new NumberEncoder();
  const writer = new ByteWriter(16);
  encoder.plan(Float64Array.from(numbers), numbers.length);
  return encoder.write(writer) ? writer.written().slice() : null;
}

function decoded(bytes: Uint8Array, count: number): number[] {
  const out = new Float64Array(count);
  const reader = new ByteReader(bytes, "numbers");
  readNumbers(reader, out);
  reader.end();
  return [...out];
}

describe("numbers", () => {
  test.each(TOKEN_KINDS.map((kind, fine) => ({ fine, kind })))(
    "are a token and bits from 0 to 2^52, fine $fine",
    ({ fine, kind }) => {
      const edges = Array.from({ length: 52 }, (_, i) => [2 ** i - 1, 2 ** i, 2 ** i + 1]).flat();
      fc.assert(
        fc.property(
          fc.oneof(fc.constantFrom(...edges), fc.nat(), fc.maxSafeInteger().map(Math.abs)),
          (any) => {
            const code = any % 2 ** 52;
            const token = tokenOf(code, fine);
            const base = kind.bases[token] ?? Number.NaN;
            expect(code).toBeGreaterThanOrEqual(base);
            expect(code - base).toBeLessThan(2 ** (kind.bits[token] ?? 0));
          },
        ),
      );
    },
  );

  test("come back as they were", () => {
    const list = fc.array(number, { minLength: NUMBERS_MIN, maxLength: 300, size: "max" });
    fc.assert(
      fc.property(list, fc.constantFrom(1, 40), (numbers, times) => {
        const all = Array.from({ length: times }, () => numbers).flat();
        const bytes = encoded(all);
        if (bytes !== null) expect(decoded(bytes, all.length)).toEqual(all);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ["all the same", () => 7, 30],
    ["rising evenly", (i: number) => i * 1000, 30],
    ["nearly always 0", (i: number) => (i % 500 === 0 ? 1 : 0), 120],
    ["one of two", (_: number, random: () => number) => (random() < 0.1 ? 1 : 0), 640],
    [
      "pages of memory",
      (_: number, random: () => number) => Math.floor(random() * 16) * 4096,
      5_200,
    ],
    ["noise of 8 bits", (_: number, random: () => number) => Math.floor(random() * 256), 10_400],
  ])("take about as many bytes as they say: %s", (_, numberAt, bytesMax) => {
    const random = new SeededRandom(1).next;
    const all = Array.from({ length: 10_000 }, (__, i) => numberAt(i, random));
    const bytes = encoded(all) ?? new Uint8Array();
    expect(decoded(bytes, all.length)).toEqual(all);
    expect(bytes.length).toBeLessThan(bytesMax);
  });

  test("too few for their table are left to others", () => {
    expect(encoded(Array.from({ length: NUMBERS_MIN - 1 }, (_, i) => i))).toBeNull();
  });

  test("that are damaged are other numbers or refused, and nothing else", () => {
    const random = new SeededRandom(2).next;
    const all = Array.from({ length: 200 }, () => Math.floor(random() * 1000));
    const bytes = encoded(all) ?? new Uint8Array();
    for (let i = 0; i < bytes.length * 8; i += 1) {
      const damaged = bytes.slice();
      damaged[i >> 3] = (damaged[i >> 3] ?? 0) ^ (1 << (i & 7));
      try {
        decoded(damaged, all.length);
      } catch (error) {
        expect(error).toBeInstanceOf(OperationalError);
      }
    }
  });
});
