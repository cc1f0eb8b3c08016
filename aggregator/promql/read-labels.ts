import type { SyntaxNode } from "@lezer/common";
import type { Matcher, MatchType } from "../../shared/model/columns.ts";
import { unquote } from "../../shared/model/go-string.ts";
import { METRIC_NAME } from "../../shared/model/labels.ts";
import { compileMatcher } from "../matching/matcher.ts";
import { atPlace, placeOf, queryError } from "../query/query-error.ts";

/** @throws OperationalError QUERY when the quotes or an escape are wrong */
export function readString(text: string, node: SyntaxNode, place: string): string {
  const literal = text.slice(node.from, node.to);
  const value = unquote(literal);
  if (value !== null) return value;
  throw queryError(place, `text without its closing quote or with a wrong escape: ${literal}`);
}

/** Label names of `by (…)`, `on (…)` and the like, as written; none when there is no list. */
export function readGroupingLabels(text: string, list: SyntaxNode | null): string[] {
  const names: string[] = [];
  for (let child = list?.firstChild ?? null; child !== null; child = child.nextSibling) {
    if (child.name === "LabelName") names.push(readLabelName(text, child));
    if (child.name === "QuotedLabelName") names.push(readName(text, child));
  }
  return names;
}

/** @throws OperationalError QUERY for what is a number elsewhere */
function readLabelName(text: string, node: SyntaxNode): string {
  const name = text.slice(node.from, node.to);
  if (!/^(?:inf|nan)$/i.test(name)) return name;
  throw queryError(placeOf(text, node.from), `expected a label name, found the number ${name}`);
}

function readName(text: string, node: SyntaxNode): string {
  const literal = node.getChild("StringLiteral") ?? node;
  return readString(text, literal, placeOf(text, node.from));
}

/**
 * The matchers of a selector, the metric name first.
 * @throws OperationalError QUERY when a name is given twice or a pattern is wrong
 */
export function readMatchers(
  text: string,
  metric: string | null,
  inBraces: SyntaxNode | null,
  place: string,
): Matcher[] {
  const matchers: Matcher[] = [];
  let name = metric;
  for (let child = inBraces?.firstChild ?? null; child !== null; child = child.nextSibling) {
    if (child.name === "QuotedLabelName") {
      if (name !== null) throw queryError(place, "the metric name is given twice");
      name = readName(text, child);
    } else if (child.name.endsWith("LabelMatcher")) {
      matchers.push(readMatcher(text, child, place));
    }
  }
  if (metric !== null && matchers.some((matcher) => matcher.name === METRIC_NAME)) {
    throw queryError(place, `the metric name is given twice: ${metric} and ${METRIC_NAME}`);
  }
  if (name !== null) matchers.unshift({ name: METRIC_NAME, type: "=", value: name });
  for (const matcher of matchers) atPlace(place, () => compileMatcher(matcher));
  return matchers;
}

/**
 * @throws OperationalError QUERY when every matcher also matches a series without the label: that
 *   would select everything there is
 */
export function refuseEverything(matchers: readonly Matcher[], place: string): void {
  if (matchers.some((matcher) => !compileMatcher(matcher).matchesEmpty)) return;
  throw queryError(place, "a selector needs a matcher that does not match the empty text");
}

const MATCH_TYPES: readonly MatchType[] = ["=", "!=", "=~", "!~"];

function readMatcher(text: string, node: SyntaxNode, place: string): Matcher {
  const quoted = node.getChild("QuotedLabelName");
  const plain = node.getChild("LabelName") ?? node;
  const name = quoted === null ? text.slice(plain.from, plain.to) : readName(text, quoted);
  const operator = node.getChild("MatchOp") ?? node;
  const sign = text.slice(operator.from, operator.to);
  const type = MATCH_TYPES.find((one) => one === sign) ?? "=";
  const value = readString(text, node.getChildren("StringLiteral").at(-1) ?? node, place);
  return { name, type, value };
}
