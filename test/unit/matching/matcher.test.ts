import fc from "fast-check";
import { RE2JS } from "re2js";
import { expect, test } from "vitest";
import { compileMatcher, compileMatchers } from "../../../aggregator/matching/matcher.ts";
import { SeriesIndex, storedLabels } from "../../../aggregator/series/series-index.ts";
import type { Matcher } from "../../../shared/model/columns.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

test.each<[Matcher["type"], string, string, boolean]>([
  ["=", "a", "a", true],
  ["=", "", "", true],
  ["!=", "", "a", true],
  ["!=", "a", "", true],
  ["=~", "a|b", "b", true],
  ["=~", "a|b", "ab", false],
  ["=~", "(a|b)", "a", true],
  ["=~", "a|", "", true],
  ["=~", "eth.*", "eth0", true],
  ["=~", "eth.*", "xeth0", false],
  ["=~", "eth.+", "eth", false],
  ["=~", ".*", "", true],
  ["=~", ".+", "", false],
  ["=~", "a.c", "a\nc", true],
  ["=~", "[ab]+", "abba", true],
  ["=~", "[ab]+", "abbac", false],
  ["!~", "[ab]+", "abba", false],
  ["!~", "x.*", "", true],
  ["=~", "(?i)ETH0", "eth0", true],
])("%s %j and the value %j: %s", (type, value, text, expected) => {
  expect(compileMatcher({ name: "l", type, value }).test(text)).toBe(expected);
});

test("the short ways give what the engine gives", () => {
  const part = fc.stringMatching(/^[ab|.*+()]{0,6}$/);
  fc.assert(
    fc.property(part, fc.stringMatching(/^[ab]{0,4}$/), (value, text) => {
      let isMatch: boolean;
      try {
        isMatch = RE2JS.compile(value, RE2JS.DOTALL).matches(text);
      } catch {
        expect(() => compileMatcher({ name: "l", type: "=~", value })).toThrow();
        return;
      }
      expect(compileMatcher({ name: "l", type: "=~", value }).test(text)).toBe(isMatch);
    }),
    { numRuns: 400 },
  );
});

/** Words of patterns that are mostly literal, and of values that they nearly match. */
const WORDS = ["a", "ab", "b-", "é", "😀", "\n", "."];
const PARTS = [
  ...WORDS,
  ".*",
  ".+",
  "(a|b)",
  "(?:ab|)",
  "[ab]",
  "[0-2a]",
  "\\.",
  "(a|.*)",
  "a*",
  "^",
  "$",
];
const ODD_PARTS = [
  "|",
  "(?i)",
  "[^a]",
  "\\d",
  "[]a]",
  "[[:alpha:]]",
  "\\Qa|\\E",
  "(",
  ")",
  "{2}",
  "?",
  "[b-a]",
];

test("literal patterns give what the engine gives", () => {
  const part = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...PARTS) },
    { weight: 1, arbitrary: fc.constantFrom(...ODD_PARTS) },
    { weight: 2, arbitrary: fc.constant("|") },
  );
  const pattern = fc.tuple(fc.array(part, { maxLength: 6 }), fc.boolean());
  const value = fc.array(fc.constantFrom(...WORDS, "0", "A"), { maxLength: 6 });
  fc.assert(
    fc.property(pattern, fc.array(value, { maxLength: 8 }), ([parts, isGroup], values) => {
      const text = isGroup ? `(${parts.join("")})` : parts.join("");
      let engine: RE2JS;
      try {
        engine = RE2JS.compile(text, RE2JS.DOTALL);
      } catch {
        expect(() => compileMatcher({ name: "l", type: "=~", value: text })).toThrow();
        return;
      }
      const matcher = compileMatcher({ name: "l", type: "=~", value: text });
      for (const one of values.map((words) => words.join(""))) {
        expect([one, matcher.test(one)]).toEqual([one, engine.matches(one)]);
        if (matcher.values !== null) expect(matcher.values.includes(one)).toBe(engine.matches(one));
      }
    }),
    { numRuns: 3000 },
  );
});

test.each([
  ["a|b|c", ["a", "b", "c"]],
  ["node-[0-2]:9100", ["node-0:9100", "node-1:9100", "node-2:9100"]],
  ["(GET|PUT) /(a|b)", ["GET /a", "GET /b", "PUT /a", "PUT /b"]],
  ["10\\.0\\.0\\.1", ["10.0.0.1"]],
  ["foo.*", null],
])("the values of %s are named one by one: %j", (value, expected) => {
  expect(compileMatcher({ name: "l", type: "=~", value }).values).toEqual(expected);
});

test("a pattern that is none is a query error that shows it", () => {
  expect(() => compileMatcher({ name: "l", type: "=~", value: "a(" })).toThrow(
    expect.objectContaining({ code: "QUERY", message: expect.stringContaining('"a("') }),
  );
});

test("labels match when all matchers do; an absent label is empty", () => {
  const matches = compileMatchers([
    { name: "a", type: "=", value: "1" },
    { name: "b", type: "!=", value: "2" },
    { name: "c", type: "=~", value: "x|" },
  ]);
  expect(matches(labelsOf({ a: "1" }))).toBe(true);
  expect(matches(labelsOf({ a: "1", b: "3", c: "x" }))).toBe(true);
  expect(matches(labelsOf({ a: "1", b: "2" }))).toBe(false);
  expect(matches(labelsOf({ a: "1", c: "y" }))).toBe(false);
  expect(matches(labelsOf({ b: "3" }))).toBe(false);
  expect(compileMatchers([])(labelsOf({}))).toBe(true);
});

test("the index finds what testing every series finds, also after some were removed", () => {
  const values = fc.constantFrom("", "a", "b", "ab", "abc");
  const labels = fc.record({ x: values, y: values, z: values }).map(labelsOf);
  const matcher = fc.record({
    name: fc.constantFrom("x", "y", "z", "none"),
    type: fc.constantFrom<Matcher["type"]>("=", "!=", "=~", "!~"),
    value: fc.constantFrom("", "a", "b", "a|b", "a.*", ".+", ".*", "[ab]+"),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(labels, { selector: (one) => one.join(), maxLength: 30 }),
      fc.array(matcher, { maxLength: 3 }),
      fc.nat(),
      (all, matchers, removedAt) => {
        const index = new SeriesIndex();
        for (const one of all) index.add(index.nextRef, one, 0, 0);
        const removed = removedAt % (all.length + 1);
        index.remove([removed]);
        const compiled = matchers.map(compileMatcher);
        const expected = all.flatMap((one, i) => {
          const record = new Map<string, string>();
          for (let at = 0; at < one.length; at += 2) record.set(one[at] ?? "", one[at + 1] ?? "");
          const isFound = compiled.every(({ name, test: matches }) =>
            matches(record.get(name) ?? ""),
          );
          return isFound && i + 1 !== removed ? [i + 1] : [];
        });
        expect(index.select(matchers).map(({ ref }) => ref)).toEqual(expected);
      },
    ),
    { numRuns: 100 },
  );
});

test.each([
  [{ __name__: "up", job: "node" }],
  [{ __name__: "up" }],
  [{ a: "1", z: "2" }],
  [{ z: "2" }],
  [{ instance: "10.0.0.1:80", z: "2" }],
])("the node's name stands in its place among %j, unless they have an instance", (record) => {
  const expected = labelsOf({ instance: "alpha", ...record });
  expect(storedLabels("alpha", labelsOf(record))).toEqual(expected);
  expect(storedLabels("", labelsOf(record))).toEqual(labelsOf(record));
});
