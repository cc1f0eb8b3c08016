import { describe, expect, test } from "vitest";
import type { SampleSource } from "../../../aggregator/promql/context.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import type { SeriesColumns } from "../../../shared/model/columns.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { takenColumns } from "../../support/taken-columns.ts";

/** `count` series of a counter, 1 Hz, 1,000 samples. */
function counters(count: number): SampleSource {
  const times = Float64Array.from({ length: 1000 }, (_, i) => i * 1000);
  const series: SeriesColumns[] = Array.from({ length: count }, (_, i) => ({
    labels: labelsOf({ __name__: "x_total", i: String(i) }),
    times,
    values: times.map((timeMs) => timeMs / 1000),
  }));
  return { select: async () => series };
}

const STEPS = { startMs: 300_000, endMs: 900_000, stepMs: 1000 };
const RATE = parsePromql("sum(rate(x_total[1m]))");

describe("limits", () => {
  test("samples over the limit end the query", async () => {
    const engine = new PromqlEngine(counters(10), { ...DEFAULT_ENGINE_OPTIONS, samplesMax: 9000 });
    await expect(engine.range(RATE, STEPS)).rejects.toMatchObject({ code: "LIMIT" });
    await expect(engine.range(RATE, STEPS)).rejects.toThrow("more than 9000 samples");
  });

  test("series over the limit end the query", async () => {
    const engine = new PromqlEngine(counters(10), { ...DEFAULT_ENGINE_OPTIONS, seriesMax: 9 });
    await expect(engine.instant(RATE, 500_000)).rejects.toThrow("reads 10 series");
  });

  test("a subquery with an absurd number of steps is refused before anything is allocated", async () => {
    const engine = new PromqlEngine(counters(1), DEFAULT_ENGINE_OPTIONS);
    const expr = parsePromql("sum_over_time(absent(x_total)[1000y:1ms])");
    await expect(engine.instant(expr, 500_000)).rejects.toThrow("more than 50000000 samples");
  });

  test("a range query that the API lets pass, of 11,000 steps, is not refused", async () => {
    const engine = new PromqlEngine(counters(1), DEFAULT_ENGINE_OPTIONS);
    const expr = parsePromql("1");
    const most = await engine.range(expr, { startMs: 0, endMs: 11_000, stepMs: 1 });
    expect(most.series[0]?.times).toHaveLength(11_001);
    const over = engine.range(expr, { startMs: 0, endMs: 11_001, stepMs: 1 });
    await expect(over).rejects.toThrow("Range query has 11001 steps, more than 11000");
  });

  test.each([
    [{ startMs: 0, endMs: 10, stepMs: 0 }, "Step must be over 0"],
    [{ startMs: 0, endMs: 10, stepMs: Number.NaN }, "Step must be over 0"],
    [{ startMs: 10, endMs: 0, stepMs: 1 }, "before its start"],
  ])("steps %j are refused", async (steps, message) => {
    const engine = new PromqlEngine(counters(1), DEFAULT_ENGINE_OPTIONS);
    await expect(engine.range(parsePromql("1"), steps)).rejects.toThrow(message);
  });

  test("a long query rests, and stops when it is aborted", async () => {
    let pauses = 0;
    let stop = new AbortController();
    const pause = async (): Promise<void> => {
      pauses += 1;
      if (pauses === 2) stop.abort(new Error("client went away"));
    };
    const engine = new PromqlEngine(counters(200), { ...DEFAULT_ENGINE_OPTIONS, pause });
    await engine.range(RATE, STEPS);
    expect(pauses).toBeGreaterThan(3);
    pauses = 0;
    stop = new AbortController();
    const aborted = engine.range(RATE, STEPS, stop.signal);
    await expect(aborted).rejects.toThrow("client went away");
    expect(pauses).toBe(2);
  });
});

describe("results", () => {
  const engine = new PromqlEngine(counters(3), DEFAULT_ENGINE_OPTIONS);

  test("an instant vector is sorted by labels unless the expression orders it", async () => {
    const values = async (text: string): Promise<unknown> => {
      const result = await engine.instant(parsePromql(text), 500_000);
      return result.type === "vector" ? result.samples.map(({ labels }) => labels.at(-1)) : result;
    };
    expect(await values("x_total")).toEqual(["0", "1", "2"]);
    expect(await values('sort_by_label_desc(x_total, "i")')).toEqual(["2", "1", "0"]);
    expect(await values('(label_replace(x_total, "i", "a$1", "i", "(0)"))')).toEqual([
      "1",
      "2",
      "a0",
    ]);
  });

  test("a range vector gives its raw samples, the left end of the window out", async () => {
    const result = await engine.instant(parsePromql('x_total{i="0"}[3s]'), 500_000);
    expect(result.type === "matrix" && [...(result.series[0]?.times ?? [])]).toEqual([
      498_000, 499_000, 500_000,
    ]);
  });

  test("the source's columns are left as they are", async () => {
    const source = counters(2);
    const before = (await takenColumns(await source.select([], 0, 0))).map(({ values }) => [
      ...values,
    ]);
    const own = new PromqlEngine(source, DEFAULT_ENGINE_OPTIONS);
    await own.range(parsePromql("-x_total * 2 and x_total > 3 or sort(rate(x_total[5m]))"), STEPS);
    expect(
      (await takenColumns(await source.select([], 0, 0))).map(({ values }) => [...values]),
    ).toEqual(before);
  });

  test("a range query refuses what has no value at a step", async () => {
    await expect(engine.range(parsePromql("x_total[5m]"), STEPS)).rejects.toThrow("a range vector");
    await expect(engine.range(parsePromql("'a'"), STEPS)).rejects.toThrow("a string");
  });

  test("remarks name the place", async () => {
    const result = await engine.instant(parsePromql("quantile(2, x_total)"), 500_000);
    expect(result.warnings).toEqual([
      "PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)",
    ]);
  });
});
