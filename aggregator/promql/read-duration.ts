import type { SyntaxNode } from "@lezer/common";
import { computeOf } from "../query/binary.ts";
import { parseNumberText } from "./literals.ts";
import { OPERATORS } from "./read-operators.ts";

/**
 * The seconds of a duration in a range, a subquery or an offset: `5m`, `300`, or arithmetic on
 * those. NaN for what depends on the query (`step()`, `range()`), which is not supported.
 */
export function durationSecondsOf(text: string, node: SyntaxNode): number {
  if (node.name === "NumberDurationLiteralInDurationContext") {
    return parseNumberText(text.slice(node.from, node.to)) ?? Number.NaN;
  }
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== "LineComment") children.push(child);
  }
  const [first, second, third] = children;
  if (first === undefined) return Number.NaN;
  if (first.name === "UnaryOp" && second !== undefined) {
    const value = durationSecondsOf(text, second);
    return text[first.from] === "-" ? -value : value;
  }
  if (second === undefined) return durationSecondsOf(text, first);
  if (third === undefined) return Number.NaN;
  const op = OPERATORS.get(second.name);
  if (op === undefined) return Number.NaN;
  return computeOf(op)(durationSecondsOf(text, first), durationSecondsOf(text, third));
}
