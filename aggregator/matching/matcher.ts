import type { Matcher } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelValue } from "../../shared/model/labels.ts";
import { compilePattern } from "./pattern.ts";

/** Says of a label's value, "" where it is absent, whether it matches. */
type ValueTest = (value: string) => boolean;

export type CompiledMatcher = {
  readonly name: string;
  readonly test: ValueTest;
  /** The values that match, where the matcher names them one by one; else null. */
  readonly values: readonly string[] | null;
  readonly matchesEmpty: boolean;
};

/** @throws OperationalError QUERY when a pattern is not a regular expression */
export function compileMatcher(matcher: Matcher): CompiledMatcher {
  const { name, type, value } = matcher;
  const isNegated = type === "!=" || type === "!~";
  const pattern = type === "=" || type === "!=" ? equality(value) : knownPattern(value);
  const test: ValueTest = isNegated ? (text) => !pattern.test(text) : pattern.test;
  const values = isNegated ? null : pattern.values;
  return { name, test, values, matchesEmpty: test("") };
}

/** Whether labels match all of them. @throws OperationalError QUERY as compileMatcher */
export function compileMatchers(matchers: readonly Matcher[]): (labels: Labels) => boolean {
  const compiled = matchers.map(compileMatcher);
  return (labels) => compiled.every(({ name, test }) => test(labelValue(labels, name)));
}

type Pattern = { readonly test: ValueTest; readonly values: readonly string[] | null };

function equality(value: string): Pattern {
  return { test: (text) => text === value, values: [value] };
}

const SPECIAL = /[\\.+*?()|[\]{}^$]/;
const SPECIAL_BUT_BAR = /[\\.+*?()[\]{}^$]/;

/** Users send the same patterns again and again: each refresh of a page, each rule each second. */
const PATTERNS_MAX = 500;
const patterns = new Map<string, Pattern>();

function knownPattern(text: string): Pattern {
  return getOrInsert(patterns, text, () => {
    if (patterns.size >= PATTERNS_MAX) patterns.clear();
    return simplePattern(text) ?? linearPattern(text);
  });
}

/** The patterns that most queries use need no engine: `a|b`, `abc.*`, `.+`. */
function simplePattern(text: string): Pattern | null {
  const inner = text.startsWith("(") && text.endsWith(")") ? text.slice(1, -1) : text;
  if (!SPECIAL_BUT_BAR.test(inner)) {
    const values = inner.split("|");
    const set = new Set(values);
    return { test: (value) => set.has(value), values };
  }
  if (text === ".*") return { test: () => true, values: null };
  if (text === ".+") return { test: (value) => value !== "", values: null };
  const prefix = text.slice(0, -2);
  if (SPECIAL.test(prefix)) return null;
  if (text.endsWith(".*")) return { test: (value) => value.startsWith(prefix), values: null };
  if (!text.endsWith(".+")) return null;
  const test: ValueTest = (value) => value.length > prefix.length && value.startsWith(prefix);
  return { test, values: null };
}

function linearPattern(text: string): Pattern {
  const expression = compilePattern(text);
  return { test: (value) => expression.matches(value), values: null };
}
