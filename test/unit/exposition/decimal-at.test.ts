import fc from "fast-check";
import { expect, test } from "vitest";
import { DecimalAt, goNumberAt } from "../../../agent/exposition/decimal-at.ts";
import { parseGoNumber } from "../../../shared/model/go-number.ts";

const decimal = new DecimalAt();

/** What is read in front of a newline; null: not one that is read here. */
function read(text: string): number | null {
  const end = decimal.read(Buffer.from(`${text}\n`), 0);
  if (end < 0) return null;
  expect(end).toBe(text.length);
  return decimal.value;
}

test.each([
  ["0", 0],
  ["-0", -0],
  ["00012", 12],
  ["-1.50", -1.5],
  [".5", 0.5],
  ["5.", 5],
  ["9007199254740991", 9_007_199_254_740_991],
  ["4.9351e-05", 4.9351e-5],
  ["7.424100000000001e-05", 7.424100000000001e-5],
  ["1.7e+09", 1.7e9],
  ["1E3", 1000],
  ["1e22", 1e22],
  ["123456789.123456", 123_456_789.123_456],
])("%s is read", (text, value) => {
  expect(read(text)).toBe(value);
});

test.each([
  "",
  "-",
  ".",
  "-.",
  "e5",
  "1e",
  "1e+",
  "1e5x",
  "1x",
  "+1",
  "NaN",
  "Inf",
  "0x1",
  "1_0",
  "9007199254740993",
  "0.30000000000000004",
  "1e23",
  "1e-23",
  "1e99999999999",
  "1\t",
  "1\r",
])("%j is left to others", (text) => {
  expect(read(text)).toBeNull();
});

test("what is read is the nearest double, as Go reads it", () => {
  const digits = fc.stringMatching(/^-?\d{0,18}(\.\d{0,18})?([eE][+-]?\d{1,3})?$/);
  const texts = fc.oneof({ weight: 3, arbitrary: digits }, fc.double().map(String));
  let count = 0;
  fc.assert(
    fc.property(texts, (text) => {
      const value = read(text);
      if (value === null) return;
      count += 1;
      expect(value).toBe(parseGoNumber(text));
    }),
    { numRuns: 3000 },
  );
  expect(count).toBeGreaterThan(300);
});

test("powers of two are no numbers", () => {
  const bytes = Buffer.from("x 0x1p-2 NaN");
  expect(goNumberAt(bytes, 2, 8)).toBeNull();
  expect(goNumberAt(bytes, 9, 12)).toBeNaN();
});
