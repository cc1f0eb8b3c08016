import fc from "fast-check";
import { expect, test } from "vitest";
import { ApiError } from "../../../aggregator/api/api-error.ts";
import {
  checkExpression,
  checkLabelName,
  checkSelectors,
  limitParameter,
  parseSpan,
  parseTime,
  timeParameter,
} from "../../../aggregator/api/parameters.ts";
import { TIME_MAX_MS } from "../../../shared/model/rfc3339.ts";

test.each([
  ["1435781451.781", 1_435_781_451_781],
  ["1435781451", 1_435_781_451_000],
  ["1.5e9", 1_500_000_000_000],
  ["-1.5", -1500],
  [".25", 250],
  ["2015-07-01T20:10:51.781Z", 1_435_781_451_781],
  // promtool's words for "ever"
  ["-9223309901257974", -TIME_MAX_MS],
  ["9223309901257974", TIME_MAX_MS],
])("the time %s is read", (text, expected) => {
  expect(parseTime(text, "time")).toBe(expected);
});

test.each(["", "now", "NaN", "Inf", "0x10", "1_000", "2015-07-01", "1 "])(
  "%j is no time, and the parameter is named",
  (text) => {
    expect(() => parseTime(text, "start")).toThrow(
      `invalid parameter "start": cannot parse ${JSON.stringify(text)} to a valid timestamp`,
    );
  },
);

test.each([
  ["15", 15_000],
  ["0.25", 250],
  ["15s", 15_000],
  ["1m30s", 90_000],
  ["-5", -5000],
])("the span %s is read", (text, expected) => {
  expect(parseSpan(text, "step")).toBe(expected);
});

test.each(["", "1 m", "m", "1.5h", "1e30", "-5s"])("%j is no span", (text) => {
  expect(() => parseSpan(text, "step")).toThrow(/^invalid parameter "step": /);
});

test("an absent or empty time is the default", () => {
  expect(timeParameter(new URLSearchParams(""), "time", 7)).toBe(7);
  expect(timeParameter(new URLSearchParams("time="), "time", 7)).toBe(7);
  expect(timeParameter(new URLSearchParams("time=1"), "time", 7)).toBe(1000);
});

test("a limit is a whole number; 0 and none mean no limit", () => {
  expect(limitParameter(new URLSearchParams("limit=10"))).toBe(10);
  expect(limitParameter(new URLSearchParams("limit=0"))).toBeNull();
  expect(limitParameter(new URLSearchParams(""))).toBeNull();
  expect(() => limitParameter(new URLSearchParams("limit=-1"))).toThrow(/limit/);
  expect(() => limitParameter(new URLSearchParams("limit=many"))).toThrow(/limit/);
});

test("texts and selectors are bounded", () => {
  expect(checkExpression("x".repeat(65_536), "query")).toHaveLength(65_536);
  expect(() => checkExpression("x".repeat(65_537), "query")).toThrow(/65537 characters/);
  expect(checkSelectors(Array(100).fill("up"))).toHaveLength(100);
  expect(() => checkSelectors(Array(101).fill("up"))).toThrow(/101 selectors/);
});

test("a label name is letters, digits and underscores", () => {
  expect(checkLabelName("__name__")).toBe("__name__");
  for (const name of ["", "0a", "a-b", "ü", "a:b"]) {
    expect(() => checkLabelName(name)).toThrow(/^invalid label name/);
  }
});

test("whatever text comes, it is a time or a short error", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ size: "large" }), fc.stringMatching(/^[\d.eE+-]+$/)),
      (text) => {
        for (const parse of [parseTime, parseSpan]) {
          try {
            expect(Math.abs(parse(text, "x"))).toBeLessThanOrEqual(TIME_MAX_MS);
          } catch (error) {
            expect(error).toBeInstanceOf(ApiError);
            expect((error as Error).message.length).toBeLessThan(1000);
          }
        }
      },
    ),
  );
});
