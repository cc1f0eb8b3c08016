import { expect, test } from "vitest";
import { formatLogql } from "../../../aggregator/logql/format.ts";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { VALID } from "./valid-queries.ts";

/** Without the places, which another way of writing it moves. */
function meaning(text: string): string {
  return JSON.stringify(parseLogql(text), (key, value) => (key === "place" ? undefined : value));
}

test.each(VALID)("the canonical text of %s means the same, and is its own", (text) => {
  const formatted = formatLogql(parseLogql(text));
  expect(meaning(formatted)).toBe(meaning(text));
  expect(formatLogql(parseLogql(formatted))).toBe(formatted);
});

test.each([
  ['{b="c",a=~`\\d`,}|="x"or`"y"`', '{b="c", a=~"\\\\d"} |= "x" or "\\"y\\""'],
  ['{a="b"}|json|x>1h30m,y="z"', '{a="b"} | json | x>5400s and y="z"'],
  ['{a="b"} | x>1 or y<2.5KiB and z==-3', '{a="b"} | x>1 or (y<2560B and z==-3)'],
  ['{a="b"} | d=ip("::1") |= ip("1.2.3.4")', '{a="b"} | d=ip("::1") |= ip("1.2.3.4")'],
  ['sum(rate({a="b"}[1m]offset 5m|="x"))by(c)', 'sum by (c) (rate({a="b"} |= "x" [1m] offset 5m))'],
  [
    'quantile_over_time(.5,{a="b"}|unwrap bytes(x)|y="z"[90s])without(q)',
    'quantile_over_time(0.5, {a="b"} | unwrap bytes(x) | y="z" [1m30s]) without (q)',
  ],
  ['rate({a="b"}[1m])>bool 2*3 or vector(1/0)', '(rate({a="b"} [1m]) > bool 6) or vector((1 / 0))'],
  ["0/0", "(0 / 0)"],
])("%s is written as %s", (text, expected) => {
  expect(formatLogql(parseLogql(text))).toBe(expected);
});
