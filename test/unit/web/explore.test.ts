import { expect, test } from "vitest";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { EXAMPLES, exploredOf } from "../../../aggregator/web/page/explore/explore-address.ts";
import { logqlPlace } from "../../../aggregator/web/page/explore/logql-words.ts";
import { asksForLines, placeOfProblem } from "../../../aggregator/web/page/explore/query-text.ts";

test("what one can begin with can be run", () => {
  for (const query of EXAMPLES.promql) parsePromql(query);
  for (const query of EXAMPLES.logql) parseLogql(query);
  expect(EXAMPLES.logql.map(asksForLines)).toEqual([true, false, false]);
  expect(asksForLines('# why\n  {a="b"}')).toBe(true);
});

test("a link says what is explored", () => {
  const asked = exploredOf(new URLSearchParams("lang=logql&query=%7B%7D&show=table"));
  expect(asked).toEqual({ language: "logql", query: "{}", show: "table" });
  expect(exploredOf(new URLSearchParams("lang=sql&show=x"))).toEqual({
    ...{ language: "promql", query: "", show: "chart" },
  });
});

test("the place that is told is the place in the query", () => {
  for (const query of ["sum(", "rate(x[1m]", "a\n + )"]) {
    let problem = "";
    try {
      parsePromql(query);
    } catch (error) {
      problem = `invalid parameter "query": ${(error as Error).message}`;
    }
    const place = placeOfProblem(query, problem);
    expect([query.length, query.indexOf(")")]).toContain(place);
  }
  expect(placeOfProblem("up", "timed out")).toBe(null);
  expect(placeOfProblem("up", "PromQL 9:1: far")).toBe(null);
});

test.each([
  ["{", { kind: "label", from: 1 }],
  ['{a="b", na', { kind: "label", from: 8 }],
  ['sum(rate({app="sh', { kind: "value", name: "app", from: 15 }],
  ['{app="shop"} | js', { kind: "stage", from: 15 }],
  ['{app="}"', { kind: "nothing" }],
  ['{app="shop"} |= "sum', { kind: "nothing" }],
  ['{app="}", b="x"} |', { kind: "stage", from: 18 }],
  ["su", { kind: "word", from: 0 }],
  ["sum by (", { kind: "nothing" }],
])("what is offered in LogQL: %s", (before, expected) => {
  expect(logqlPlace(before)).toEqual(expected);
});
