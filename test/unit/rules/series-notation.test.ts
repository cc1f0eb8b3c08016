import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMetric, parsePoints } from "../../../aggregator/rule-tests/series-notation.ts";

test.each([
  ["", []],
  ["1", [1]],
  ["-1.5 .5 1e3 1E+3 0.1", [-1.5, 0.5, 1000, 1000, 0.1]],
  ["Inf -inf +Inf NaN", [Infinity, -Infinity, Infinity, Number.NaN]],
  ["_ 1 _x2 stale", ["none", 1, "none", "none", "stale"]],
  ["1x3", [1, 1, 1, 1]],
  ["0x10", Array.from({ length: 11 }, () => 0)], // not hexadecimal
  ["1+2x3", [1, 3, 5, 7]],
  ["5-2x2 -2+4x1", [5, 3, 1, -2, 2]],
  ["1e+1+1e-1x1", [10, 10.1]],
  ["1+-1x2", [1, 0, -1]],
])("the values %j are read", (text, points) => {
  expect(parsePoints(text)).toEqual(points);
});

test.each([
  ["one", 'not a value: "one"'],
  ["1x", 'not a value: "1x"'],
  ["1 2+x3", 'not a value: "2+x3"'],
  ["stalex3", 'not a value: "stalex3"'],
  ["1x1000000000000", 'over 1000000 values: "1x1000000000000"'],
  ["1x600000 1x600000", 'over 1000000 values: "1x600000"'],
  ["9".repeat(100_000), `not a value: "${"9".repeat(100)}"`],
  ["{{sum:3}}", 'native histograms are not supported: "{{sum:3}}"'],
])("the values %.30j are refused", (text, message) => {
  expect(() => parsePoints(text)).toThrow(message);
});

test("n values more are n steps on", () => {
  const number = fc.integer({ min: -1000, max: 1000 });
  const property = fc.property(number, number, fc.nat(50), (start, step, count) => {
    const expected = Array.from({ length: count + 1 }, (_, i) => start + i * step);
    const text = `${start}${step < 0 ? "-" : "+"}${Math.abs(step)}x${count}`;
    expect(parsePoints(text).map(Number)).toEqual(expected);
  });
  fc.assert(property);
});

test("a series is named as in PromQL", () => {
  expect(parseMetric('up{job="a b"}')).toEqual(["__name__", "up", "job", "a b"]);
  expect(parseMetric('{job="a"}')).toEqual(["job", "a"]);
  expect(parseMetric(" {} ")).toEqual([]);
  expect(() => parseMetric("up{")).toThrow("PromQL 1:4");
});
