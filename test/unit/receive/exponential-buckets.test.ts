import fc from "fast-check";
import { expect, test } from "vitest";
import {
  exponentialBounds,
  exponentialCounts,
} from "../../../agent/receive/otlp/exponential-buckets.ts";
import { MetricPoint } from "../../../agent/receive/otlp/metric-point.ts";

/** As an SDK counts: the bucket of a value has the index ceil(log2(value) * 2^scale) - 1. */
function histogramOf(values: readonly number[], scale: number): MetricPoint {
  const point = new MetricPoint();
  point.scale = scale;
  const indexes = values.filter((v) => v > 0).map((v) => Math.ceil(Math.log2(v) * 2 ** scale) - 1);
  point.zeroCount = values.filter((v) => v === 0).length;
  const first = Math.min(...indexes);
  point.positive.offset = indexes.length === 0 ? 0 : first;
  for (const index of indexes) {
    while (point.positive.counts.length <= index - first) point.positive.counts.push(0);
    point.positive.counts[index - first] = (point.positive.counts[index - first] ?? 0) + 1;
  }
  return point;
}

const BOUNDS = exponentialBounds("");

test("from scale 0 on the count at each bound is exact", () => {
  const value = fc.oneof(
    fc.double({ min: 0.001, max: 1e9, noNaN: true }),
    fc.integer({ min: -9, max: 29 }).map((k) => 2 ** k), // on a bound
    fc.constant(0),
  );
  const values = fc.array(value, { maxLength: 30 });
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 6 }), (all, scale) => {
      const counts = exponentialCounts(histogramOf(all, scale), BOUNDS);
      expect(counts).toEqual(BOUNDS.map((bound) => all.filter((v) => v <= bound).length));
    }),
  );
});

test("a coarser scale gives the same counts at the same bounds", () => {
  const values = [0.02, 0.5, 0.5, 3, 4, 4.1, 1000, 65_536];
  const counts = [8, 3, 1, 0].map((scale) => exponentialCounts(histogramOf(values, scale), BOUNDS));
  for (const one of counts) expect(one).toEqual(counts[0]);
});

test("below scale 0 a bucket counts from its upper edge on", () => {
  const counts = exponentialCounts(histogramOf([3, 5], -1), [2, 4, 8, 16]);
  expect(counts).toEqual([0, 1, 1, 2]); // 5 is in (4, 16]
});

test("values below zero and around it count at every bound", () => {
  const point = histogramOf([0, 0, 3], 2);
  point.negative.counts.push(4, 5);
  expect(exponentialCounts(point, [2, 4])).toEqual([11, 12]);
  point.zeroThreshold = 3;
  expect(exponentialCounts(point, [2, 4])).toEqual([9, 12]);
});

test("each unit has bounds of its own", () => {
  expect(exponentialBounds("s").at(0)).toBe(2 ** -14);
  expect(exponentialBounds("s").at(-1)).toBe(1024);
  expect(exponentialBounds("By").length).toBe(37);
});
