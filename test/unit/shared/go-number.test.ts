import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decimalText,
  exponentText,
  formatE,
  formatF,
  formatG,
  parseGoNumber,
  sampleText,
  secondsText,
} from "../../../shared/model/go-number.ts";

test.each([
  [1, "1"],
  [0, "0"],
  [-0, "-0"],
  [0.1, "0.1"],
  [-1.5, "-1.5"],
  [1e6, "1000000"],
  [123456789012345680, "123456789012345680"],
  [1e20, "100000000000000000000"],
  [1e21, "1e+21"],
  [1.5e300, "1.5e+300"],
  [0.000001, "0.000001"],
  [1e-7, "1e-07"],
  [-2.5e-9, "-2.5e-09"],
  [5e-324, "5e-324"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "+Inf"],
  [Number.NEGATIVE_INFINITY, "-Inf"],
])("the sample %d is written %s", (value, expected) => {
  expect(sampleText(value)).toBe(expected);
});

test.each([
  [1e21, "1000000000000000000000"],
  [-1.25e22, "-12500000000000000000000"],
  [1e-7, "0.0000001"],
  [-2.5e-9, "-0.0000000025"],
  [1.5, "1.5"],
  [-0, "-0"],
  [Number.NaN, "NaN"],
])("the scalar %d is written %s", (value, expected) => {
  expect(decimalText(value)).toBe(expected);
});

test.each([
  [1, "1e+00"],
  [0, "0e+00"],
  [-0, "-0e+00"],
  [123, "1.23e+02"],
  [1e-100, "1e-100"],
  [Number.POSITIVE_INFINITY, "+Inf"],
])("an alert's value %d is written %s", (value, expected) => {
  expect(exponentText(value)).toBe(expected);
});

test.each([
  [formatF(2.25, 1), "2.2"],
  [formatF(2.75, 1), "2.8"],
  [formatF(-2.25, 1), "-2.2"],
  [formatF(0.5, 0), "0"],
  [formatF(-0.5, 0), "-0"],
  [formatF(1.5, 0), "2"],
  [formatF(2.675, 2), "2.67"], // below the middle
  [formatF(2.25, 200), `2.25${"0".repeat(98)}`],
  [formatF(0, 2), "0.00"],
  [formatE(2.5, 0), "2e+00"],
  [formatE(-1.25e10, 1), "-1.2e+10"],
  [formatE(1.35, 1), "1.4e+00"],
  [formatG(2.25, 2), "2.2"],
  [formatG(125, 2), "1.2e+02"],
  [formatG(1e25, 30), "10000000000000000905969664"],
])("what is in the middle becomes even: %s", (text, expected) => {
  expect(text).toBe(expected);
});

test("every finite double reads back as itself", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Number(sampleText(value))).toBe(value);
      expect(Number(decimalText(value))).toBe(value);
      expect(decimalText(value)).not.toContain("e");
      expect(Number(exponentText(value))).toBe(value);
    }),
  );
});

test.each([
  [1_435_781_451_781, "1435781451.781"],
  [1_435_781_451_700, "1435781451.700"],
  [1_435_781_451_007, "1435781451.007"],
  [1_435_781_451_000, "1435781451"],
  [0, "0"],
  [-1500, "-1.500"],
])("the time %d is written %s", (timeMs, expected) => {
  expect(secondsText(timeMs)).toBe(expected);
});

test.each([
  ["1", 1],
  ["-1.5E-3", -0.0015],
  ["+.5", 0.5],
  ["5.", 5],
  ["017", 17],
  ["0x1p-2", 0.25],
  ["-0X1.8P+1", -3],
  ["0x.8p1", 1],
  ["0x10p0", 16],
  ["0x1p-1074", 5e-324],
  ["0x1p-9999", 0],
  ["0x0p99999", 0],
  ["inf", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["nAn", Number.NaN],
])("%s is read as Go reads it", (text, expected) => {
  expect(parseGoNumber(text)).toBe(expected);
});

const NO_NUMBERS = ". 1e 1_000 0x10 0xp1 0x1p 0x1_0p1 0b1 +NaN in 1e999 -1e999 0x1p1024";
test.each(["", " 1", ...NO_NUMBERS.split(" ")])("%j is no number", (text) => {
  expect(parseGoNumber(text)).toBeNull();
});

test.each(["1", "0x1", "1.1"])("a megabyte of digits behind %j is refused at once", (start) => {
  expect(parseGoNumber(`${start}${"1".repeat(1024 ** 2)}x`)).toBeNull();
});
