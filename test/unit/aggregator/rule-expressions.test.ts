import { expect, test } from "vitest";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "../../../aggregator/logql/engine.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { compileForRules } from "../../../aggregator/rule-expressions.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { memorySource } from "../logql/memory-source.ts";

const compile = compileForRules(
  new PromqlEngine({ select: async () => [] }, DEFAULT_ENGINE_OPTIONS),
  new LogqlEngine(
    memorySource([{ labels: { app: "a" }, lines: [{ timeUs: 59e6, line: "an error" }] }]),
    DEFAULT_LOGQL_OPTIONS,
  ),
);

test.each([
  ["up == 0", false, "up == 0"],
  ['sum(count_over_time({job="x"}[5m])) > up', false, 'sum(count_over_time({job="x"}[5m])) > up'],
  ["vector(1) > 0", false, "vector(1) > 0"],
  ['count({job="x"})', false, 'count({job="x"})'],
  ['rate({__name__=~"a|b", job="x"}[5m])', false, 'rate({__name__=~"a|b",job="x"}[5m])'],
  ['rate({job="x"} |= "" [5m])', true, 'rate({job="x"} |= "" [5m])'],
  [
    'sum(count_over_time({job="x"}|json|level="error"[1m]))>0',
    true,
    'sum(count_over_time({job="x"} | json | level="error" [1m])) > 0',
  ],
  ['bytes_rate({job="x"}[1m]) > 1e6', true, 'bytes_rate({job="x"} [1m]) > 1000000'],
])("%s is of lines: %s", (text, isOfLines, query) => {
  expect(compile(text)).toMatchObject({ isOfLines, query });
});

test.each([
  ['rate({job="x"}[5m]) > 0', "The expression is PromQL and LogQL"],
  ['up > bool count_over_time({job="x"}[5m] |= "y")', "LogQL 1:1: unexpected"],
  ['{job="x"} |= "y"', "LogQL 1:1: a rule needs numbers"],
  ['rate({job="x"} |= "|" [5m)', "LogQL 1:2"],
  ['up{job="a|b"', "PromQL 1:"],
  ["nonsense(", "PromQL 1:"],
])("%s is refused with %s", (text, why) => {
  expect(() => compile(text)).toThrow(why);
});

test("a rule on lines has their elements, and their data where a condition does not hold", async () => {
  const rule = compile('sum by (app) (count_over_time({app="a"} |= "error" [1m])) > 0');
  const element = { labels: labelsOf({ app: "a" }), value: 1 };
  expect(await rule.instant(60_000)).toEqual([element]);
  const other = compile('sum by (app) (count_over_time({app="a"} |= "fatal" [1m])) > 0');
  expect(await other.instant(60_000)).toEqual([]);
  expect(await other.presence(60_000)).toEqual([element]);
});
