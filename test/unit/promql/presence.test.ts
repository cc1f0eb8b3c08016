import { expect, test } from "vitest";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { formatExpr } from "../../../aggregator/promql/format.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { presenceOf } from "../../../aggregator/promql/presence.ts";
import { MemorySeries } from "../../../aggregator/rule-tests/memory-series.ts";
import { formatLabels, labelsOf } from "../../../shared/model/labels.ts";

test.each([
  ["up == 0", "up"],
  ["0 == up", "up"],
  ["a > b", "a matched b"],
  ["a > on (x) group_left () b", "a matched on (x) group_left () b"],
  ["a > bool 5", "a > bool 5"],
  ["count(x > 5) > 0", "count(x)"],
  ["sum by (job) (rate(x[5m])) > 5", "sum by (job) (rate(x[5m]))"],
  ["a > 5 and b > 6", "a and b"],
  ["a > 5 and on (x) b", "a and on (x) b"],
  ["a > 5 unless b > 6", "a"],
  ["a > 5 or b > 6", "a or b"],
  ["a / b > 0.9", "a / b"],
  ["(a > 5) * 2", "(a) * 2"],
  ["topk(3, x > 5)", "x"],
  ["count_over_time((x > 5)[10m:1m]) > 3", "count_over_time((x)[10m:1m])"],
  ["absent(x)", "vector(1)"],
  ['absent(x{job="a$1",l=~"b"}) > 0', 'label_replace(vector(1), "job", "a$$1", "", "")'],
  ['absent_over_time(x{job="a"}[5m])', 'label_replace(vector(1), "job", "a", "", "")'],
  ["x > scalar(y > 1)", "x and on () (y)"],
  ["vector(scalar(y)) > 1", "vector(scalar(y)) and on () (y)"],
  ["time() - x > 300", "time() - x"],
  ["-x < 0", "-x"],
  ["1", "1"],
])("the presence of %s is %s", (text, presence) => {
  expect(formatExpr(presenceOf(parsePromql(text)))).toBe(presence);
});

/** Which elements are there, and what becomes of them when a series is missing. */
const STATES: readonly {
  expr: string;
  series: Record<string, number>;
  present: string[];
}[] = [
  { expr: "a > 5", series: { a: 1 }, present: ['{l="1"}'] },
  { expr: "a > 5", series: { b: 1 }, present: [] },
  { expr: "a > b", series: { a: 1, b: 2 }, present: ['{l="1"}'] },
  { expr: "a > b", series: { a: 1 }, present: [] },
  { expr: "a > b", series: { a: Number.NaN, b: 1 }, present: ['{l="1"}'] },
  { expr: "a > 5 and b > 5", series: { a: 9, b: 1 }, present: ['{l="1"}'] },
  { expr: "a > 5 and b > 5", series: { a: 9 }, present: [] },
  { expr: "a > 5 unless b", series: { a: 9, b: 1 }, present: ['{l="1"}'] },
  { expr: "a > 5 unless b", series: { b: 1 }, present: [] },
  { expr: "a > scalar(b)", series: { a: 1, b: 2 }, present: ['{l="1"}'] },
  { expr: "a > scalar(b)", series: { a: 1 }, present: [] },
  { expr: "count(a > 5) > 0", series: { a: 1 }, present: ["{}"] },
  { expr: "count(a > 5) > 0", series: {}, present: [] },
  { expr: 'absent(a{l="1"})', series: { a: 1 }, present: ['{l="1"}'] },
];

test.each(STATES)("$expr over $series is judged by $present", async ({ expr, series, present }) => {
  const store = new MemorySeries();
  for (const [name, value] of Object.entries(series)) {
    store.load(labelsOf({ __name__: name, l: "1" }), [value], 0, 1000);
  }
  const engine = new PromqlEngine(store, DEFAULT_ENGINE_OPTIONS);
  const alert = await engine.instant(parsePromql(expr), 0);
  expect(alert).toMatchObject({ samples: [] });
  const result = await engine.instant(presenceOf(parsePromql(expr)), 0);
  const names = result.type === "vector" ? result.samples.map(({ labels }) => labels) : [];
  expect(names.map((labels) => formatLabels(labels).replace(/^\w+/, ""))).toEqual(present);
});
