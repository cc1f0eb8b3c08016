import fc from "fast-check";
import { expect, test } from "vitest";
import { parseLogql, parseLogSelector } from "../../../aggregator/logql/parse.ts";
import {
  countsQuery,
  filtersText,
  linesQuery,
  logsPath,
  parseFilters,
  patternFilter,
  questionOf,
  selectorOf,
} from "../../../aggregator/web/page/logs/log-question.ts";
import {
  chosenValues,
  excludedValue,
  parseSelector,
  selectorText,
  toggledValue,
} from "../../../aggregator/web/page/logs/selector.ts";

const NOTHING = selectorText([]);
const anyText = fc.string({ unit: "binary", maxLength: 40 });
const question = fc.record({
  selector: fc
    .array(fc.record({ value: anyText, op: fc.constantFrom("=", "!=") }), { maxLength: 3 })
    .map((all) => selectorText(all.map(({ value, op }, i) => ({ name: `l${i}`, op, value })))),
  filters: fc.array(fc.record({ op: fc.constantFrom("|=", "!="), text: anyText }), {
    maxLength: 3,
  }),
  severities: fc.subarray(["error", "warn", "unknown"] as const),
});

test("whatever is asked for, it is LogQL, and a link of it asks for the same", () => {
  fc.assert(
    fc.property(question, (asked) => {
      parseLogql(linesQuery(asked));
      parseLogql(countsQuery(asked, 30_000));
      const { searchParams } = new URL(logsPath(asked, null), "http://localhost");
      expect(questionOf(searchParams)).toEqual(asked);
    }),
  );
});

test("values of labels are chosen and given up by clicking, whatever they are", () => {
  const values = fc.uniqueArray(
    anyText.filter((text) => text !== ""),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(values, (all) => {
      let matchers = all.reduce(
        (chosen, value) => toggledValue(chosen, "a", value),
        parseSelector("{}") ?? [],
      );
      expect(chosenValues(matchers, "a")).toEqual(all);
      parseLogSelector(selectorText(matchers));
      expect(parseSelector(selectorText(matchers))).toEqual(matchers);
      for (const value of all) matchers = toggledValue(matchers, "a", value);
      expect(matchers).toEqual([]);
    }),
  );
});

test("a label that is left out is left out once, and stands beside the values that are chosen", () => {
  const without = excludedValue(excludedValue([], "a", "x"), "a", "x");
  expect(selectorText(without)).toBe('{instance=~".+", a!="x"}');
  expect(selectorText(toggledValue(without, "b", "y"))).toBe('{a!="x", b="y"}');
});

test.each([
  ["", []],
  [NOTHING, []],
  [
    '{ a = `x`, b!~"y", }',
    [
      { name: "a", op: "=", value: "x" },
      { name: "b", op: "!~", value: "y" },
    ],
  ],
  ['{a="x"} |= "y"', null],
  ["{a=x}", null],
  ['{a="\\q"}', null],
  ["rate(x[1m])", null],
])("what clicking does not make is left as it is: %s", (text, expected) => {
  expect(parseSelector(text)).toEqual(expected);
});

test("filters are read as far as they can be", () => {
  const filters = [
    { op: "|=", text: 'a "b" \\' },
    { op: "!~", text: "c" },
  ] as const;
  expect(parseFilters(filtersText(filters))).toEqual(filters);
  expect(parseFilters('|= "a" nonsense |= "b"')).toEqual([{ op: "|=", text: "a" }]);
});

test("the filter of a pattern takes lines that have more around it", () => {
  expect(patternFilter("|>", "<*><*> paid <*>")).toEqual({ op: "|>", text: "<_> paid <_>" });
  parseLogql(
    linesQuery({
      selector: selectorOf({ a: "b" }),
      severities: [],
      filters: [patternFilter("!>", "order <*> paid")],
    }),
  );
});
