import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatMatchers,
  parseClassicMatchers,
  parseMatchers,
} from "../../../aggregator/matching/parse-matchers.ts";
import type { Matcher, MatchType } from "../../../shared/model/columns.ts";

/** `name type value`, for short. */
function texts(matchers: readonly Matcher[]): string[] {
  return matchers.map(({ name, type, value }) => `${name}|${type}|${value}`);
}

test.each<[string, string[]]>([
  ["", []],
  ["{}", []],
  [" { } ", []],
  ["foo=bar", ["foo|=|bar"]],
  ["foo = bar", ["foo|=|bar"]],
  ['foo!="a b"', ["foo|!=|a b"]],
  ["foo=~[a-z]+", ["foo|=~|[a-z]+"]],
  ['foo!~"a|b"', ["foo|!~|a|b"]],
  ['"foo bar"="baz"', ["foo bar|=|baz"]],
  ['{a="b",c=~"d.*"}', ["a|=|b", "c|=~|d.*"]],
  ['a="b", c!=d', ["a|=|b", "c|!=|d"]],
  ['{a="b",c="d",}', ["a|=|b", "c|=|d"]],
  ['\n{\n  a = "b",\n}\n', ["a|=|b"]],
  ['a="b,c}"', ["a|=|b,c}"]],
  ["foo🙂=bar", ["foo🙂|=|bar"]],
  ["Προμηθεύς=1", ["Προμηθεύς|=|1"]],
  ["00=b", ["00|=|b"]],
  ['"\\xf0\\x9f\\x99\\x82"=dΘ', ["🙂|=|dΘ"]],
  ['"a"="\\u00e4\\\\d\\"\\n"', ['a|=|ä\\d"\n']],
  ['a=""', ["a|=|"]],
])("%j is read", (text, expected) => {
  expect(texts(parseMatchers(text))).toEqual(expected);
});

// Only the classic form takes these.
test.each<[string, string[]]>([
  ["foo=", ["foo|=|"]],
  ["foo=~\\d+", ["foo|=~|\\d+"]],
  ['foo=~"\\d+"', ["foo|=~|\\d+"]],
  ["foo=a b", ["foo|=|a b"]],
  ["foo=bar=baz", ["foo|=|bar=baz"]],
  ["foo='x'", ["foo|=|'x'"]],
  ["foo=bar}", ["foo|=|bar"]],
  ["{foo=bar", ["foo|=|bar"]],
  ["{a=b}}", ["a|=|b}"]],
  ["a=b c,d='e',", ["a|=|b c", "d|=|'e'"]],
  ['a="x\ny"', ["a|=|x\ny"]],
])("%j falls back to the classic form", (text, expected) => {
  expect(texts(parseMatchers(text))).toEqual(expected);
  expect(parseClassicMatchers(text)).toEqual(parseMatchers(text));
});

test("where both forms read it, but differently, the classic one counts", () => {
  const text = 'qux="\\xf0\\x9f\\x99\\x82"';
  expect(texts(parseMatchers(text))).toEqual(["qux|=|\\xf0\\x9f\\x99\\x82"]);
});

test("the classic form alone refuses what is not ASCII in a name", () => {
  for (const text of ["foo🙂=bar", "00=b", '"a b"=c', "fooΣ=bar🙂"]) {
    expect(() => parseClassicMatchers(text)).toThrow("Matchers 1:1: not a matcher");
  }
  expect(texts(parseClassicMatchers("foo=bar🙂"))).toEqual(["foo|=|bar🙂"]);
});

test.each([
  ["foo", "Matchers 1:4: expected one of = != =~ !~, found the end"],
  ["=bar", "Matchers 1:1: expected a label name, found ="],
  ['{"foo"=bar', "Matchers 1:11: expected a comma or }, found the end"],
  ["{{foo=bar}}", "Matchers 1:2: expected a label name, found {"],
  ['{"a"=b}}', "Matchers 1:8: expected a comma or the end, found }"],
  ["a=b,,c=d", "Matchers 1:5: expected a label name, found ,"],
  [",", "Matchers 1:1: expected a label name, found ,"],
  ['a="b', "Matchers 1:3: the quote is not closed"],
  ['a="b"c"', "Matchers 1:7: the quote is not closed"],
  ['ä="\\q"', "Matchers 1:3: not a string as Go has them"],
  ["a=b,\nc!d", "Matchers 2:2: unexpected !"],
  ['""="a"', "Matchers 1:1: the label name is empty"],
  ["a=\ud800", "Matchers 1:3: not valid Unicode"],
])("%j is refused", (text, message) => {
  expect(() => parseMatchers(text)).toThrow(
    expect.objectContaining({ code: "PARSE", message: expect.stringContaining(message) }),
  );
});

test("a text that is too long is refused before it is read", () => {
  expect(() => parseMatchers(`a="${"b".repeat(10_000)}"`)).toThrow(
    expect.objectContaining({ code: "LIMIT" }),
  );
});

test.each<[Matcher[], string]>([
  [[], "{}"],
  [
    [
      { name: "a", type: "=", value: "b" },
      { name: "c", type: "=~", value: "d" },
    ],
    '{a="b",c=~"d"}',
  ],
  [[{ name: "foo🙂", type: "!=", value: "Σ" }], '{foo🙂!="Σ"}'],
  [[{ name: "a b", type: "!~", value: "" }], '{"a b"!~""}'],
  [[{ name: "a", type: "=", value: 'x"y\\z\n' }], '{a="x\\"y\\\\z\\n"}'],
])("%j is written as Alertmanager does", (matchers, text) => {
  expect(formatMatchers(matchers)).toBe(text);
});

const text = fc.string({ unit: fc.constantFrom(..."ab0\\\"'{}=~!, \n🙂ä`x") });
const matcher = fc.record({
  name: text.filter((name) => name !== ""),
  type: fc.constantFrom<MatchType>("=", "!=", "=~", "!~"),
  value: text,
});

test("what is written is read as the same again", () => {
  fc.assert(
    fc.property(fc.array(matcher, { maxLength: 3 }), (matchers) => {
      expect(parseMatchers(formatMatchers(matchers))).toEqual(matchers);
    }),
    { numRuns: 500 },
  );
});

test("any text gives matchers or an error of the text", () => {
  fc.assert(
    fc.property(text, (any) => {
      try {
        for (const { name } of parseMatchers(any)) expect(name).not.toBe("");
      } catch (error) {
        expect(error).toMatchObject({ name: "OperationalError", code: "PARSE" });
      }
    }),
    { numRuns: 1000 },
  );
});
