import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { MemorySeries } from "../../../aggregator/rule-tests/memory-series.ts";
import type { Point } from "../../../aggregator/rule-tests/series-notation.ts";

const STEP_MS = 15_000;

/** The definition, window by window: what the columns must agree with. */
function rateAt(points: readonly Point[], endMs: number, rangeMs: number): number | null {
  const window = points
    .map((value, index) => ({ value, timeMs: index * STEP_MS }))
    .filter(({ value, timeMs }) => {
      return typeof value === "number" && timeMs > endMs - rangeMs && timeMs <= endMs;
    })
    .map(({ value, timeMs }) => ({ value: Number(value), timeMs }));
  const [first] = window;
  const last = window.at(-1);
  if (first === undefined || last === undefined || window.length < 2) return null;
  let growth = last.value - first.value;
  window.forEach(({ value }, index) => {
    const before = window[index - 1]?.value ?? value;
    if (value < before) growth += before;
  });
  const span = (last.timeMs - first.timeMs) / 1000;
  const gap = span / (window.length - 1);
  let before = (first.timeMs - (endMs - rangeMs)) / 1000;
  let after = (endMs - last.timeMs) / 1000;
  if (before >= gap * 1.1) before = gap / 2;
  if (after >= gap * 1.1) after = gap / 2;
  if (growth > 0) before = Math.min(before, (span * first.value) / growth);
  return ((growth * (span + before + after)) / span / rangeMs) * 1000;
}

test("rate over columns is rate by its definition: resets, gaps and stale markers included", async () => {
  const point: fc.Arbitrary<Point> = fc.oneof(
    { weight: 8, arbitrary: fc.nat(1000) },
    { weight: 2, arbitrary: fc.constant<Point>("none") },
    { weight: 1, arbitrary: fc.constant<Point>("stale") },
  );
  const series = fc.array(point, { minLength: 1, maxLength: 60, size: "max" });
  const property = fc.asyncProperty(series, fc.integer({ min: 1, max: 400 }), async (points, s) => {
    const store = new MemorySeries();
    store.load(["__name__", "x_total"], points, 0, STEP_MS);
    const engine = new PromqlEngine(store, DEFAULT_ENGINE_OPTIONS);
    const steps = { startMs: 0, endMs: 1_000_000, stepMs: 13_000 };
    const result = await engine.range(parsePromql(`rate(x_total[${s}s])`), steps);
    const found = new Map<number, number>();
    for (const { times, values } of result.series) {
      times.forEach((timeMs, index) => {
        found.set(timeMs, values[index] ?? Number.NaN);
      });
    }
    for (let timeMs = 0; timeMs <= steps.endMs; timeMs += steps.stepMs) {
      const wanted = rateAt(points, timeMs, s * 1000);
      if (wanted === null) expect(found.has(timeMs)).toBe(false);
      else expect(found.get(timeMs)).toBeCloseTo(wanted, 9);
    }
  });
  await fc.assert(property, { numRuns: 30 });
});
