import { expect, test } from "vitest";
import { comparisonOf, narrowed } from "../../../aggregator/web/page/alerts/expression-parts.ts";
import { historyBands, percentOf } from "../../../aggregator/web/page/alerts/history-bands.ts";
import {
  type ListedRule,
  ruleOf,
  ruleOrder,
} from "../../../aggregator/web/page/alerts/rule-list.ts";
import { matcherText, withOperator } from "../../../aggregator/web/page/alerts/silence.ts";

test.each([
  ["up == 0", "up", "==", "0"],
  ['rate(x{a=">= 5"}[5m]) >= 5 * 2', 'rate(x{a=">= 5"}[5m])', ">=", "5 * 2"],
  ["free / (size > 0) < 0.05 and free < 5 * 1024^3", "free / (size > 0)", "<", "0.05"],
  ["(a > 1) or (b > 2)", "a", ">", "1"],
  ["((a) > 1)", "(a)", ">", "1"],
  ["a > bool 1", "a", ">", "1"],
  ["a > on (instance) group_left (x) b", "a", ">", "b"],
  ["a # > 3\n < 2", "a # > 3", "<", "2"],
  ['{__name__=~"a|b",job!="x"} != 0', '{__name__=~"a|b",job!="x"}', "!=", "0"],
  ["a == b == 1", "a == b", "==", "1"],
  ["orders > 3", "orders", ">", "3"],
  ["job:or:and > 3", "job:or:and", ">", "3"],
  ["- a > -1", "- a", ">", "-1"],
])("%s compares what it says", (expression, measured, operator, threshold) => {
  expect(comparisonOf(expression)).toEqual({ measured, operator, threshold });
});

test.each([
  "up",
  "absent(up > 3)",
  "(a) + (b)",
  "a and b > 3",
  "",
  "> 3",
  "a >",
  '"',
  "(((",
  ")>(",
])("%j compares nothing that could be shown", (expression) => {
  expect(comparisonOf(expression)).toBeNull();
});

test("an expression is narrowed to one series, whatever its labels say", () => {
  expect(narrowed("up", {})).toBe("up");
  expect(narrowed("a > b", { instance: 'x"$1' })).toBe(
    '(a > b\n) and on (instance) label_replace(vector(1), "instance", "x\\"$$1", "", "")',
  );
});

const rule = (more: Partial<ListedRule>): ListedRule => ({
  ...{ type: "alerting", name: "High", query: "up == 0", health: "ok", evaluationTime: 0 },
  ...{ lastEvaluation: "", key: "k", group: {} as ListedRule["group"], ...more },
});

test("an alert is of the rule that has it, and its own labels are those of the series", () => {
  const labels = { alertname: "High", severity: "page", instance: "a" };
  const other = { ...labels, instance: "b" };
  const rules = [
    rule({ key: "none" }),
    rule({ key: "other", alerts: [{ state: "firing", labels: other }] }),
    rule({ key: "it", labels: { severity: "page" }, alerts: [{ state: "firing", labels }] }),
  ];
  const found = ruleOf(rules, { ...labels, cluster: "external" });
  expect(found?.rule.key).toBe("it");
  expect(found?.own).toEqual({ instance: "a" });
  expect(ruleOf(rules, { ...labels, instance: "c" })).toBeNull();
});

test("rules that fail come first, then those that fire, then the dear ones", () => {
  const names = ruleOrder([
    rule({ name: "cheap", state: "inactive", evaluationTime: 1 }),
    rule({ name: "dear", state: "inactive", evaluationTime: 2 }),
    rule({ name: "fires", state: "firing" }),
    rule({ name: "waits", state: "pending" }),
    rule({ name: "fails", health: "err", type: "recording" }),
  ]).map(({ name }) => name);
  expect(names).toEqual(["fails", "fires", "waits", "dear", "cheap"]);
});

test("an alert's history is the spans in which it has values, the last one first", () => {
  const series = (instance: string, ...timesS: number[]) => ({
    metric: { __name__: "ALERTS", alertname: "High", alertstate: "firing", instance },
    values: timesS.map((timeS) => [timeS, "1"] as const),
  });
  const bands = historyBands([series("a", 10, 20, 50), series("b", 60), series("c")], 10_000);
  expect(bands.map(({ node, spans, totalMs }) => ({ node, spans, totalMs }))).toEqual([
    { node: "b", spans: [{ fromMs: 60_000, toMs: 70_000 }], totalMs: 10_000 },
    {
      node: "a",
      spans: [
        { fromMs: 10_000, toMs: 30_000 },
        { fromMs: 50_000, toMs: 60_000 },
      ],
      totalMs: 30_000,
    },
  ]);
  expect(percentOf(5, { fromMs: 10, toMs: 20 })).toBe(0);
  expect(percentOf(15, { fromMs: 10, toMs: 20 })).toBe(50);
  expect(percentOf(99, { fromMs: 10, toMs: 20 })).toBe(100);
});

test.each(["=", "!=", "=~", "!~"] as const)("a matcher with %s stays one", (operator) => {
  const matcher = { name: "a", value: 'b"', isRegex: false, isEqual: true };
  expect(matcherText(withOperator(matcher, operator))).toBe(`a${operator}"b\\""`);
});
