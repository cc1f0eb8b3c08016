import { expect, test } from "vitest";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "../../../aggregator/logql/engine.ts";
import { formatLogql } from "../../../aggregator/logql/format.ts";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { presenceOf } from "../../../aggregator/logql/presence.ts";
import { formatLabels } from "../../../shared/model/labels.ts";
import { memorySource } from "./memory-source.ts";

function presence(text: string) {
  const expr = parseLogql(text);
  if (expr.kind === "logs") throw new Error("not a metric query");
  return presenceOf(expr);
}

test.each([
  ['sum by (a) (rate({a="b"} |= "x" [1m])) > 5', 'sum by (a) (rate({a="b"} [1m]))'],
  ['5 < rate({a="b"} | c="d" [1m])', 'rate({a="b"} [1m])'],
  [
    'count_over_time({a="b"} |= "x" | json | c="d" [1m]) > bool 1',
    'count_over_time({a="b"} | json | __error__="" [1m]) > bool 1',
  ],
  [
    'max_over_time({a="b"} | logfmt | unwrap n | n > 3 [1m]) by (a) >= 2',
    'max_over_time({a="b"} | logfmt | __error__="" | unwrap n | __error__="" [1m]) by (a)',
  ],
  ['topk(3, rate({a="b"} |= "x" [1m])) * 2', 'rate({a="b"} [1m]) * 2'],
  ['rate({a="b"}[1m]) unless rate({c="d"}[1m]) > 1', 'rate({a="b"} [1m])'],
  ['sort(rate({a="b"} !~ "x" [1m])) + 1', 'sort(rate({a="b"} [1m])) + 1'],
  ["1 > 2", "0"],
  ['absent_over_time({a="b", c=~"d"} |= "x" [1m])', 'label_replace(vector(1), "a", "b", "", "")'],
])("the presence of %s is that of %s", (text, expected) => {
  expect(formatLogql(presence(text))).toBe(expected);
});

test("elements are there where lines are, whether the condition holds or not", async () => {
  const lines = [{ timeUs: 59e6, line: "n=1" }];
  const streams = ["x", "y"].map((app) => ({ labels: { app }, lines }));
  const engine = new LogqlEngine(memorySource(streams), DEFAULT_LOGQL_OPTIONS);
  const elements = async (text: string) => {
    const result = await engine.instant(presence(text), 60_000);
    return result.type === "vector" ? result.samples.map(({ labels }) => formatLabels(labels)) : [];
  };
  const left = 'count_over_time({app=~"x|y"} |= "none" [1m])';
  const right = 'count_over_time({app="x"} [1m])';
  expect(await elements(`${left} > 3`)).toEqual(['{app="x"}', '{app="y"}']);
  expect(await elements(`${left} > ${right}`)).toEqual(['{app="x"}']);
  expect(await elements('absent_over_time({app="$x"}[1m])')).toEqual(['{app="$x"}']);
});
