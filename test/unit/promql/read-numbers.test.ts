import { expect, test } from "vitest";
import { parseNumberText } from "../../../aggregator/promql/read-numbers.ts";
import { unquote } from "../../../shared/model/go-string.ts";

test.each([
  ["5", 5],
  ["1.5e3", 1500],
  [".5", 0.5],
  ["1_000", 1000],
  ["0x1F", 31],
  ["017", 15],
  ["Inf", Number.POSITIVE_INFINITY],
  ["nAn", Number.NaN],
  ["1h30m", 5400],
  ["250ms", 0.25],
  ["1x", null],
  ["", null],
  ["m5", null],
  ["5s1m", null],
])("the literal %j is %s", (text, value) => {
  expect(parseNumberText(text)).toEqual(value);
});

test.each([
  ['"a"', "a"],
  ["'a\"b'", 'a"b'],
  ["`a\\n`", "a\\n"],
  ['"a\\nb\\\\c"', "a\nb\\c"],
  ['"\\x41\\102\\u00e9\\U0001F600"', "AB\u00e9\u{1F600}"],
  ['"\\xc3\\xa9"', "\u00e9"],
  ['"\\xff"', "\ufffd"],
  ['"a', null],
  ['"', null],
  ['"\\\'"', null],
  ['"\\q"', null],
  ['"\\777"', null],
  ['"\\U00110000"', null],
  ['"a\nb"', null],
])("the text literal %j reads %j", (literal, text) => {
  expect(unquote(literal)).toBe(text);
});
