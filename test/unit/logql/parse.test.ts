import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseLogql, parseLogSelector } from "../../../aggregator/logql/parse.ts";
import { OperationalError } from "../../../shared/errors.ts";

/** Forms of queries that the public documentation of Loki has, and its parser takes. */
const VALID = [
  '{foo="bar"}',
  '{ foo = "bar", }',
  '{foo!="bar", bar=~"b.+", baz!~"x|y"}',
  '({foo="bar"} |= "x")',
  '{foo="bar"} |= "a" != "b" |~ "c" !~ "d"',
  '{foo="bar"} |= "a" or "b" or "c" != "d" or "e"',
  '{foo="bar"} |~ `error=\\w+`',
  '{foo="bar"} |> "<_> level=debug <_>" !> "<_>health<_>"',
  '{foo="bar"} |= ip("192.168.4.5-192.168.4.20") != ip("10.0.0.0/8") |= "x" or ip("2001:db8::/32")',
  '{foo="bar"} | json',
  '{foo="bar"} | json first_server="servers[0]", ua="request.headers[\\"User-Agent\\"]", app',
  '{foo="bar"} | logfmt --strict --keep-empty host, fwd_ip="fwd"',
  '{foo="bar"} | pattern `<ip> - - <_> "<method> <uri> <_>" <status> <size> <_> "<agent>" <_>`',
  '{foo="bar"} | regexp "(?P<method>\\\\w+) (?P<path>[\\\\w|/]+) \\\\((?P<status>\\\\d+?)\\\\)"',
  '{foo="bar"} | unpack | json | latency >= 250ms or ( status_code < 500 and status_code > 200)',
  '{foo="bar"} | json | duration >= 20ms or size == 20KB and method!~"2.."',
  '{foo="bar"} | json | duration >= 20ms or size == 20KB | method!~"2.."',
  '{foo="bar"} | json | duration >= 20ms or size == 20KB , method!~"2.."',
  '{foo="bar"} | json | duration >= 20ms or size == 20KB  method!~"2.."',
  '{foo="bar"} | logfmt | duration > 1h2m3.5s, count != -5, size < 1.5mib, ratio <= 1.5e-3 | addr = ip("::1")',
  '{foo="bar"} | json != "x" | line_format "{{.a | upper}} {{__line__}}"',
  '{foo="bar"} | label_format a=b, c="{{.d}}", e=`{{ if eq .f "1" }}x{{else}}y{{end}}`',
  '{foo="bar"} | json | drop level, path, app=~"some-api.*", __error__',
  '{foo="bar"} | json | keep level, tenant, app=~"some-api.*"',
  '{foo="bar"} | decolorize |= "x" # a comment',
  'count_over_time({foo="bar"}[5m])',
  'rate({foo="bar"} |= "x" [5m] offset 1h)',
  'rate({foo="bar"}[5m] offset -10m |= "x" | json)',
  'rate(({foo="bar"} |= "x")[5m])',
  'rate(({foo="bar"} |= "x" [5m]))',
  'bytes_rate({foo="bar"}[1h30m]) + bytes_over_time({foo="bar"}[90s])',
  'absent_over_time({foo="bar"}[5m])',
  'sum by (host) (rate({job="mysql"} |= "error" != "timeout" | json | duration > 10s [1m]))',
  'sum(rate({job="mysql"}[1m])) without (pod, node)',
  'topk(10, sum by (name) (rate({region="us-east-1"}[5m])))',
  'bottomk(3, rate({foo="bar"}[5m])) by (app)',
  'sort_desc(sum by (app) (count_over_time({foo="bar"}[1m])))',
  'quantile_over_time(0.99, {job="x"} | json | __error__ = "" | unwrap request_time [1m]) by (path)',
  'sum_over_time({foo="bar"} | logfmt | unwrap bytes(size) | __error__="" [5m])',
  'avg_over_time({foo="bar"} | logfmt | unwrap duration_seconds(took) [5m]) without (x)',
  'rate_counter({foo="bar"} | unwrap total [5m])',
  'max_over_time({foo="bar"}[5m] | unwrap x)',
  'stddev(rate({foo="bar"}[5m])) / on (app) group_left (team) stdvar by (app) (rate({a="b"}[5m]))',
  'rate({a="b"}[1m]) * ignoring (x) rate({a="b"}[1m]) > bool 5',
  'sum(count_over_time({a="b"}[5m])) or vector(0)',
  'rate({a="b"}[1m]) and rate({c="d"}[1m]) unless rate({e="f"}[1m])',
  'label_replace(rate({job="api"}[1m]), "foo", "$1", "service", "(.*):.*")',
  "1 + -2 ^ 3 % 0x10",
  'count(rate({a=~".+"}[1m])) == 2',
];

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
  ['{a="b"} | line_format "{{ date .x }}"', 'function "date" is not supported'],
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
  ["approx_topk(5, vector(1))", "1:1: the function approx_topk is not supported"],
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
