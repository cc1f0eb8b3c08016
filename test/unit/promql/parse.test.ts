import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Expr } from "../../../aggregator/promql/ast.ts";
import { childrenOf, exprSelectors, withoutParens } from "../../../aggregator/promql/ast.ts";
import { exprType } from "../../../aggregator/promql/check.ts";
import { formatExpr } from "../../../aggregator/promql/format.ts";
import { parsePromql, parseSelector, QUERY_LENGTH_MAX } from "../../../aggregator/promql/parse.ts";
import { OperationalError } from "../../../shared/errors.ts";

const REFUSED: readonly (readonly [string, string])[] = [
  ["", "1:1: expected an expression, found nothing"],
  ["  # only a comment", "1:1: expected an expression"],
  ["sum(", "1:5: unexpected the end of the query, expected an argument"],
  ["up{job=}", '1:8: unexpected "}"'],
  ["up{job==1}", "1:8: unexpected"],
  ["foo bar", '1:5: unexpected "bar"'],
  ["up +", "1:5: unexpected the end of the query, expected an operand"],
  ["sum(a)\n  by (b c)", '2:9: unexpected "c"'],
  ["nosuch(up)", '1:1: there is no function "nosuch"'],
  ['"abc', "1:1: text without its closing quote"],
  ["rate(up)", "1:6: argument 1 of rate takes a range vector, found an instant vector"],
  ["abs(up[5m])", "1:5: argument 1 of abs takes an instant vector, found a range vector"],
  ["rate(up[5m], 2)", "1:1: rate takes 1 arguments, found 2"],
  ["sum(1)", "1:5: sum takes an instant vector, found a scalar"],
  ["topk(up)", "1:1: topk takes a parameter and a vector, found 1 arguments"],
  ['topk("a", up)', "1:6: the parameter of topk takes a scalar, found a string"],
  ["1 > 2", "1:1: a comparison of two scalars needs bool"],
  ["up + bool up", "1:1: bool goes with a comparison"],
  ["up and 1", "1:1: and takes instant vectors on both sides"],
  ["up and on(a) group_left up", "group_left"],
  ["up * on(a) group_left(a) up", 'label "a" stands both in on and in the group'],
  ["1 + on(a) up", "between two instant vectors only"],
  ['up + "a"', "operator + takes an instant vector, found a string"],
  ["up[5m] + 1", "operator + takes an instant vector, found a range vector"],
  ["-up[5m:1m]", "operator - takes an instant vector, found a range vector"],
  ["{}", "needs a matcher that does not match the empty text"],
  ['{job=~".*"}', "needs a matcher that does not match the empty text"],
  ['up{__name__="down"}', "the metric name is given twice"],
  ['up{job=~"("}', 'Not a regular expression: "("'],
  ["sum(up)[5m]", "[5m] goes behind a selector"],
  ["up offset 5m[5m]", "offset and @ stand behind the range"],
  ["up offset 5m offset 6m", "offset may be given only once"],
  ["up @ 1 @ 2", "@ may be given only once"],
  ["sum(up) offset 5m", "offset goes behind a selector, a range or a subquery"],
  ["up[0s]", "a range must be longer than 0"],
  ["up @ Inf", "must be a finite number"],
  ["sum(up) anchored", "anchored goes behind a selector or its range"],
  ["up[5m] smoothed anchored", "anchored or smoothed may be given only once"],
  ["up and fill(0) up", "and takes no fill"],
  ["1 + fill(0) up", "between two instant vectors only"],
  ["info(up, up)", "argument 2 of info must be label matchers"],
  ["info({})", "needs a matcher that does not match the empty text"],
  ["1e400", 'not a number: "1e400"'],
  ["up[5m / 0]", "a duration divided by 0"],
  ["up[1m - 5m]", "a range must be longer than 0"],
];

test.each(REFUSED)("refuses %j and says where and why", (text, message) => {
  expect(() => parsePromql(text)).toThrow(message);
  expect(() => parsePromql(text)).toThrow(OperationalError);
});

/** Left as written where there is no second text. */
const CANONICAL: readonly (readonly [text: string, wanted?: string])[] = [
  ["up"],
  ['up{job="node",instance!~"a|b"}'],
  ["{__name__=~'node_.*'}", '{__name__=~"node_.*"}'],
  ['{"na.me", "la.bel"="v"}', '{__name__="na.me","la.bel"="v"}'],
  ["sum by(job)(rate(x[300s]))", "sum by (job) (rate(x[5m]))"],
  ["SUM(x) BY (job)", "sum by (job) (x)"],
  ["sum without()(x)", "sum without () (x)"],
  ["topk(5,x)", "topk(5, x)"],
  ["a/on(b)group_left(c)d", "a / on (b) group_left (c) d"],
  ["a > bool ignoring(x) b", "a > bool ignoring (x) b"],
  ["x offset 90m", "x offset 1h30m"],
  ["x offset -5m @ 100", "x @ 100.000 offset -5m"],
  ["x[5m:] @ end()", "x[5m:] @ end()"],
  ["x[5m:30s] offset 1w", "x[5m:30s] offset 1w"],
  ["(a + b) * c"],
  ["-2^2", "-2 ^ 2"],
  ["-Inf + 1e3 + 0x10 + 010", "-Inf + 1000 + 16 + 8"],
  ["x > 5m", "x > 5m"],
  ["1./2.", "1 / 2"],
  ['"a\\tb" # comment', '"a\\tb"'],
  ["sum(\n  x # inner\n)", "sum(x)"],
  ["min + sum", "min + sum"],
  ["offset offset 5m + offset", "offset offset 5m + offset"],
  ["sum by (offset, on, bool) (x)"],
  ["0X1F", "31"],
  ["MIN_OF + min_of(1, max_of(2, 3))", "MIN_OF + min_of(1, max_of(2, 3))"],
  ["x[STEP()*2+MIN_OF(1m,RANGE())]", "x[step() * 2 + min_of(1m, range())]"],
  ["x offset -step() + min_of(1, 2)", "x offset -step() + min_of(1, 2)"],
  ["x offset (1m + step())", "x offset (1m + step())"],
  ["x[5m:(step())]", "x[5m:(step())]"],
  ["rate(x[5m] anchored)", "rate(x[5m] anchored)"],
  ["x smoothed @ 10 offset 5m", "x smoothed @ 10.000 offset 5m"],
  [
    "x + on(a) group_left(b) fill_left(1) fill_right(-2) y",
    "x + on (a) group_left (b) fill_left (1) fill_right (-2) y",
  ],
  ["x == fill(NaN) y", "x == fill (NaN) y"],
  ['info(x, {job=~".*"})', 'info(x, {job=~".*"})'],
];

test.each(CANONICAL.map(([text, wanted = text]) => [text, wanted] as const))(
  "prints %j as %j, which parses to the same",
  (text, wanted) => {
    const canonical = formatExpr(parsePromql(text));
    expect(canonical).toBe(wanted);
    expect(formatExpr(parsePromql(canonical))).toBe(canonical);
  },
);

/** The tree, without places and parentheses: only what binds what. */
function shapeOf(expr: Expr): unknown {
  const inner = withoutParens(expr);
  return inner.kind === "binary" || inner.kind === "unary"
    ? [inner.op, ...childrenOf(inner).map(shapeOf)]
    : formatExpr(inner);
}

test.each([
  ["a + b * c", "a + (b * c)"],
  ["a * b + c", "(a * b) + c"],
  ["a ^ b ^ c", "a ^ (b ^ c)"],
  ["a - b - c", "(a - b) - c"],
  ["-a ^ 2", "-(a ^ 2)"],
  ["2 ^ -a * 3", "(2 ^ (-a)) * 3"],
  ["a or b and c", "a or (b and c)"],
  ["a == b + c", "a == (b + c)"],
  ["a unless b and c", "(a unless b) and c"],
  ["a + b offset 5m * c", "a + ((b offset 5m) * c)"],
  ["-a @ 5", "-(a @ 5)"],
  ["a or b offset 5m", "a or (b offset 5m)"],
  ["a atan2 b * c", "(a atan2 b) * c"],
])("binds %s as %s", (text, explicit) => {
  expect(shapeOf(parsePromql(text))).toEqual(shapeOf(parsePromql(explicit)));
});

test("a query that is too long is refused before it is parsed", () => {
  expect(() => parsePromql(`up${" ".repeat(QUERY_LENGTH_MAX)}`)).toThrow("more than the");
});

test("a query nested beyond measure is refused, not a stack overflow", () => {
  for (const text of [`${"(".repeat(20_000)}1`, `1${"+1".repeat(20_000)}`, "-".repeat(30_000)]) {
    expect(() => parsePromql(text)).toThrow(OperationalError);
  }
});

test("any text either parses or is refused with QUERY and a place", () => {
  const words =
    "up sum( rate( ) [5m] { } = =~ \"a\" 'b' , + - * ^ > bool on( by( offset @ 5m 1 . ( \\".split(
      " ",
    );
  const text = fc.oneof(
    fc.array(fc.constantFrom(...words)).map((all) => all.join(" ")),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (query) => {
      try {
        const expr = parsePromql(query);
        expect(formatExpr(parsePromql(formatExpr(expr)))).toBe(formatExpr(expr));
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        expect(error.message).toMatch(/^PromQL \d+:\d+: /);
      }
    }),
    { numRuns: 300 },
  );
});

describe("parseSelector", () => {
  test("gives the matchers of a plain selector", () => {
    expect(parseSelector('up{job!="a"}')).toEqual([
      { name: "__name__", type: "=", value: "up" },
      { name: "job", type: "!=", value: "a" },
    ]);
  });

  test.each(["up[5m]", "up offset 5m", "sum(up)", "1", "up @ 3"])("refuses %s", (text) => {
    expect(() => parseSelector(text)).toThrow("expected a plain series selector");
  });
});

test("exprSelectors finds every selector, in ranges and subqueries too", () => {
  const expr = parsePromql('sum(rate(a[5m])) / max_over_time((b > c{x="y"})[1h:])');
  const names = exprSelectors(expr).map((matchers) => matchers[0]?.value);
  expect(names).toEqual(["a", "b", "c"]);
});

test.each([
  ["1", "scalar"],
  ["'a'", "string"],
  ["up", "vector"],
  ["up[5m]", "matrix"],
  ["(scalar(up))", "scalar"],
  ["1 + time()", "scalar"],
  ["-up", "vector"],
])("the type of %s is %s", (text, type) => {
  expect(exprType(parsePromql(text))).toBe(type);
});

test.each([
  [" or ", 500],
  [" + ", 1000],
  [" % ", 500],
])(
  "a query of very many operands with%sis read up to a bound, and then told to be too long",
  (op) => {
    const query = (count: number) => Array(count).fill("a").join(op);
    expect(parsePromql(query(500)).kind).toBe("binary");
    expect(() => parsePromql(query(5000))).toThrow(
      /unexpected "a", or the query is too long: \d+ operators and parentheses stand before it/,
    );
    expect(() => parsePromql(`${query(400)} b`)).toThrow(/unexpected "b"(?!, or)/);
  },
);
