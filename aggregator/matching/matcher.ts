import type { Matcher } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelValue } from "../../shared/model/labels.ts";
import { globsOf, matchesGlob, textsOf } from "./glob.ts";
import { compilePattern } from "./pattern.ts";

/** Says of a label's value, "" where it is absent, whether it matches. */
type ValueTest = (value: string) => boolean;

export type CompiledMatcher = {
  readonly name: string;
  readonly test: ValueTest;
  /** The values that match, where the matcher names them one by one; else null. */
  readonly values: readonly string[] | null;
  readonly matchesEmpty: boolean;
  /** A test takes long enough to remember what came of it. */
  readonly isSlow: boolean;
};

/** @throws OperationalError QUERY when a pattern is not a regular expression */
export function compileMatcher(matcher: Matcher): CompiledMatcher {
  const { name, type, value } = matcher;
  const isNegated = type === "!=" || type === "!~";
  const pattern = type === "=" || type === "!=" ? equality(value) : knownPattern(value);
  const test: ValueTest = isNegated ? (text) => !pattern.test(text) : pattern.test;
  const values = isNegated ? null : pattern.values;
  return { name, test, values, matchesEmpty: test(""), isSlow: pattern.isSlow };
}

/** Whether labels match all of them. @throws OperationalError QUERY as compileMatcher */
export function compileMatchers(matchers: readonly Matcher[]): (labels: Labels) => boolean {
  const compiled = matchers.map(compileMatcher);
  return (labels) => compiled.every(({ name, test }) => test(labelValue(labels, name)));
}

type Pattern = Pick<CompiledMatcher, "test" | "values" | "isSlow">;

function equality(value: string): Pattern {
  return { test: (text) => text === value, values: [value], isSlow: false };
}

/** Users send the same patterns again and again: each refresh of a page, each rule each second. */
const PATTERNS_MAX = 500;
const patterns = new Map<string, Pattern>();

function knownPattern(text: string): Pattern {
  return getOrInsert(patterns, text, () => {
    if (patterns.size >= PATTERNS_MAX) patterns.clear();
    return literalPattern(text) ?? linearPattern(text);
  });
}

/** The patterns that most queries use need no engine. */
function literalPattern(text: string): Pattern | null {
  const globs = globsOf(text);
  if (globs === null) return null;
  const values = textsOf(globs);
  if (values === null) {
    const test: ValueTest = (value) => globs.some((one) => matchesGlob(one, value));
    return { test, values, isSlow: false };
  }
  const set = new Set(values);
  return { test: (value) => set.has(value), values, isSlow: false };
}

function linearPattern(text: string): Pattern {
  const expression = compilePattern(text);
  return { test: (value) => expression.matches(value), values: null, isSlow: true };
}
