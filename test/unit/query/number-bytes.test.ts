import fc from "fast-check";
import { expect, test } from "vitest";
import {
  NUMBER_BYTES_MAX,
  writeSample,
  writeSeconds,
} from "../../../aggregator/query/number-bytes.ts";
import { sampleText, secondsText } from "../../../shared/model/go-number.ts";

function written(write: (bytes: Uint8Array, start: number) => number): string {
  const bytes = new Uint8Array(NUMBER_BYTES_MAX + 6).fill(1);
  const end = write(bytes, 3);
  expect([...bytes.subarray(0, 3), ...bytes.subarray(-3)]).toEqual([1, 1, 1, 1, 1, 1]);
  return Buffer.from(bytes.subarray(3, end)).toString();
}

const sample = (value: number) => written((bytes, start) => writeSample(bytes, start, value));

/** A few digits with a point somewhere, as most measured values are. */
const DECIMALS = fc
  .tuple(fc.integer({ min: -(10 ** 15), max: 10 ** 15 }), fc.integer({ min: 0, max: 18 }))
  .map(([digits, places]) => Number(`${digits}e-${places}`));

test("any value is written as its text is", () => {
  const bits = fc.bigInt(0n, 2n ** 64n - 1n).map((one) => {
    return new Float64Array(BigUint64Array.of(one).buffer)[0] ?? 0;
  });
  const value = fc.oneof(fc.double(), bits, DECIMALS, fc.maxSafeInteger(), fc.integer());
  fc.assert(
    fc.property(value, (one) => {
      expect(sample(one)).toBe(sampleText(one));
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  [0, "0"],
  [-0, "-0"],
  [Number.NaN, "NaN"],
  [Number.NEGATIVE_INFINITY, "-Inf"],
  [999_999_999, "999999999"],
  [1_000_000_000, "1000000000"],
  [5_000_000_001, "5000000001"],
  [2 ** 53 - 1, "9007199254740991"],
  [2 ** 53, "9007199254740992"],
  [1e21, "1e+21"],
  [0.1 + 0.2, "0.30000000000000004"],
  [12.5, "12.5"],
  [-0.001, "-0.001"],
  [1e-7, "1e-07"],
  [1234567.89, "1234567.89"],
  [-1.7976931348623157e308, "-1.7976931348623157e+308"],
])("%d is %s", (value, expected) => {
  expect(sample(value)).toBe(expected);
});

test("any time is written as its text is", () => {
  const time = fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 });
  fc.assert(
    fc.property(time, (timeMs) => {
      const text = written((bytes, start) => writeSeconds(bytes, start, timeMs));
      expect(text).toBe(secondsText(timeMs));
    }),
    { numRuns: 5000 },
  );
});
