import { expect, test } from "vitest";
import { formatLogql } from "../../../aggregator/logql/format.ts";
import { measuredOf as measuredOfLines } from "../../../aggregator/logql/measured.ts";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { formatExpr } from "../../../aggregator/promql/format.ts";
import { measuredOf, narrowedTo } from "../../../aggregator/promql/measured.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";

test.each([
  ["node_load1 > 5", "node_load1"],
  ["5 < (node_load1)", "node_load1"],
  ["a / b < 0.05 and c < 5 unless d == 1", "a / b"],
  ["a > b", "a"],
  ["(a > 1) > 0", "a"],
  ["a > bool 5", "a > bool 5"],
  ["a or b", "a or b"],
  ["sum by (x) (rate(a[5m])) * 2", "sum by (x) (rate(a[5m])) * 2"],
])("%s looks at %s", (text, expected) => {
  expect(formatExpr(measuredOf(parsePromql(text)))).toBe(expected);
});

test.each([
  ["a", 'a{i="n"}'],
  ["rate(a[5m]) / b", 'rate(a{i="n"}[5m]) / b{i="n"}'],
  ["sum by (i, x) (a) > 1", 'sum by (i, x) (a{i="n"}) > 1'],
  ["sum without (x) (a)", 'sum without (x) (a{i="n"})'],
  ["a * on (i) group_left () b", 'a{i="n"} * on (i) group_left () b{i="n"}'],
  ["max_over_time(a[5m:1m]) + -b", 'max_over_time(a{i="n"}[5m:1m]) + -b{i="n"}'],
  ["topk by (i) (1, a)", 'topk by (i) (1, a{i="n"})'],
])("%s reads %s", (text, expected) => {
  expect(formatExpr(narrowedTo(parsePromql(text), "i", "n"))).toBe(expected);
});

test.each([
  ...["sum(a)", "sum without (i) (a)", "topk(1, a)", "a / on (x) group_left () b"],
  ...["a / ignoring (i) group_left () b", "a / scalar(b)", "absent(a)"],
  ...['label_replace(a, "i", "n", "", "")', "a - vector(1)"],
])("%s has to read everything", (text) => {
  expect(formatExpr(narrowedTo(parsePromql(text), "i", "n"))).toBe(formatExpr(parsePromql(text)));
});

test.each([
  ['sum(count_over_time({a="b"}[1m])) > 5', 'sum(count_over_time({a="b"}[1m]))'],
  ['5 < rate({a="b"}[1m])', 'rate({a="b"}[1m])'],
  ['rate({a="b"}[1m]) > bool 5', 'rate({a="b"}[1m]) > bool 5'],
])("%s looks at %s", (text, expected) => {
  const expr = parseLogql(text);
  if (expr.kind === "logs") throw new Error("not a metric");
  expect(formatLogql(measuredOfLines(expr))).toBe(formatLogql(parseLogql(expected)));
});
