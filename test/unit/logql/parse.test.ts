import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseLogql, parseLogSelector } from "../../../aggregator/logql/parse.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { VALID } from "./valid-queries.ts";

test.each(VALID)("%s is taken", (text) => {
  expect(parseLogql(text).kind).toBeTypeOf("string");
});

/** Each with the place and a part of what the error says. */
const INVALID: readonly (readonly [string, string])[] = [
  ["", "1:1: unexpected the end of the query, expected a stream selector"],
  ["{}", "1:1: a stream selector needs a matcher that does not match the empty text"],
  ['{a=~".*"}', "1:1: a stream selector needs a matcher"],
  ['{a="b"', '1:7: unexpected the end of the query, expected "}"'],
  ['{a="b}', "1:4: text without its closing quote"],
  ["{a='b'}", "1:4: texts stand in"],
  ['{a=~"("}', "1:1: Not a regular expression"],
  ['{a="b"} |~ "("', '1:9: Not a regular expression: "("'],
  ['{a="b"} "x"', '1:9: unexpected "x", expected a stage'],
  ['{a="b"} | xml', "1:9: the stage xml is not supported"],
  ['{a="b"} | distinct x', "1:9: the stage distinct is not supported"],
  ['{a="b"} | json a="b["', '1:9: not a path: "b["'],
  ['{a="b"} | pattern "<a><b>"', "1:9: Not a pattern"],
  ['{a="b"} | pattern "abc"', "no named capture"],
  ['{a="b"} | regexp "abc"', "1:9: no named group"],
  ['{a="b"} | line_format "{{ now }}"', 'function "now" is not supported'],
  ['{a="b"} | line_format "{{ nope }}"', 'function "nope" not defined'],
  ['{a="b"} | line_format "{{ .a "', "unclosed action"],
  ['{a="b"} | label_format a="x", a="y"', "1:9: label_format sets a twice"],
  ['{a="b"} | logfmt --keep', '1:18: unexpected "--keep"'],
  ['{a="b"} | x > "y"', "1:11: a label is compared with a text by"],
  ['{a="b"} | x =~ 5', '1:16: unexpected "5", expected a pattern in quotes'],
  ['{a="b"} | x = 5xb', '1:15: unexpected "5xb"'],
  ['{a="b"} |= ip("10.0.0.0/33")', "1:9: Not an address"],
  ['{a="b"} | unwrap x', "1:9: unwrap goes into a range aggregation"],
  ['{a="b"}[5m]', "1:8: a range stands inside a function"],
  ['rate({a="b"})', '1:13: unexpected ")", expected a range such as [5m]'],
  ['rate({a="b"}[5])', '1:14: unexpected "5", expected a duration such as 5m'],
  ['rate({a="b"}[5m][5m])', "1:17: the range is given twice"],
  ['rate({a="b"}[$__interval])', "1:14: variables such as $__interval"],
  ['rate({a="b"}[5m] @ 100)', "1:18: the modifier @ is not supported"],
  ['rate({a="b"}[5m]) by (x)', "1:19: rate takes no by or without"],
  ['sum_over_time({a="b"}[5m])', "1:1: sum_over_time takes the values of a label"],
  ['count_over_time({a="b"} | unwrap x [5m])', "1:1: count_over_time counts lines"],
  ['sum_over_time({a="b"} | unwrap x | json [5m])', "only conditions on labels may follow unwrap"],
  ['sum_over_time({a="b"} | unwrap celsius(x) [5m])', "unwrap converts by duration() or bytes()"],
  ['variants(rate({a="b"}[5m])) of ({a="b"}[5m])', "1:1: the function variants is not supported"],
  [
    'histogram_quantile(0.9, rate({a="b"}[5m]))',
    "the function histogram_quantile is not supported",
  ],
  ['sum({a="b"})', "1:5: sum takes series, found log lines"],
  ['{a="b"} + 1', "1:1: operator + takes series, found log lines"],
  ["sum(1)", "1:5: sum takes series, found a number"],
  ['topk(0, rate({a="b"}[5m]))', "1:6: the parameter of topk must be a whole number"],
  ['rate({a="b"}[5m]) and 1', "and takes series on both sides"],
  ['rate({a="b"}[5m]) + bool 1', "bool goes with a comparison"],
  ['-rate({a="b"}[5m])', "1:2: unexpected"],
  [`${"(".repeat(300)}1${")".repeat(300)}`, "nested more than 200 expressions deep"],
  [`1${" + 1".repeat(600)}`, "over 500 operators"],
  [`{a="b"}${' |= "x"'.repeat(300)}`, "300 stages, more than the 200 allowed"],
];

test.each(INVALID)("%s is refused", (text, message) => {
  expect(() => parseLogql(text)).toThrow(message);
  expect(() => parseLogql(text)).toThrow(OperationalError);
});

test("a query of a megabyte is refused before it is read", () => {
  const text = `{a="${"x".repeat(1_000_000)}"}`;
  expect(() => parseLogql(text)).toThrow("LogQL text has 1000006 characters, more than the 65536");
});

test("a query of very many signs is refused", () => {
  expect(() => parseLogql("(".repeat(60_000))).toThrow("more than 20000 words and signs");
});

describe("conditions on labels", () => {
  const filterOf = (text: string) => {
    const expr = parseLogql(`{a="b"} | ${text}`);
    const [stage] = expr.kind === "logs" ? expr.stages : [];
    return stage?.kind === "label-filter" ? plain(stage.filter) : null;
  };
  type Filter = Parameters<typeof plain>[0];
  const plain = (filter: { kind: string; filters?: readonly unknown[]; name?: string }): string => {
    if (filter.filters === undefined) return filter.name ?? "?";
    return `(${filter.filters.map((one) => plain(one as Filter)).join(` ${filter.kind} `)})`;
  };

  test.each([
    ["a > 1 or b > 1 and c > 1", "(a or (b and c))"],
    ["a > 1 and b > 1 or c > 1", "((a and b) or c)"],
    ["(a > 1 or b > 1) and c > 1", "((a or b) and c)"],
    ["a > 1 or b > 1, c > 1", "((a or b) and c)"],
    ["a > 1 b > 1 or c > 1", "(a and (b or c))"],
  ])("%s is %s", (text, expected) => {
    expect(filterOf(text)).toBe(expected);
  });
});

test("operators bind as in PromQL", () => {
  const numberIn = (text: string) => {
    const expr = parseLogql(text);
    return expr.kind === "number" ? expr.value : Number.NaN;
  };
  expect(numberIn("2 + 3 * 4 - 1")).toBe(13);
  expect(numberIn("2 ^ 3 ^ 2")).toBe(512);
  expect(numberIn("100 / 10 / 5 % 2")).toBe(0);
  expect(numberIn("1 + 1 == 2")).toBe(1);
  expect(numberIn("(1 + 2) * -3")).toBe(-9);
});

test("a selector is taken alone only", () => {
  expect(parseLogSelector('{a="b"}')).toEqual([{ name: "a", type: "=", value: "b" }]);
  expect(() => parseLogSelector('{a="b"} |= "x"')).toThrow("expected a plain stream selector");
});

test("any text either parses or is refused with QUERY and a place", () => {
  const part = fc.constantFrom(
    ..."{ } ( ) [ ] | |= != |~ !~ = =~ == > + - * / ^ , or and by on bool rate sum json unwrap".split(
      " ",
    ),
    ..."logfmt line_format a b 5 5m 20MB offset topk vector".split(" "),
    '{a="b"}',
    '"x"',
    "`y`",
    "[5m]",
    '"\\q"',
    "\ud800",
    "'",
    "$",
  );
  const query = fc.array(part, { size: "max", maxLength: 30 }).map((parts) => parts.join(" "));
  fc.assert(
    fc.property(fc.oneof(query, fc.string({ maxLength: 60 })), (text) => {
      try {
        parseLogql(text);
      } catch (error) {
        expect(error).toBeInstanceOf(OperationalError);
        expect(error).toMatchObject({
          code: "QUERY",
          message: expect.stringMatching(/^LogQL \d+:\d+: /),
        });
      }
    }),
    { numRuns: 1000 },
  );
});
