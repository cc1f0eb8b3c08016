import type { SyntaxNode } from "@lezer/common";
import { parseNumberText } from "./literals.ts";

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
  const left = durationSecondsOf(text, first);
  return combine(second.name, left, durationSecondsOf(text, third));
}

function combine(operator: string, left: number, right: number): number {
  switch (operator) {
    case "Add":
      return left + right;
    case "Sub":
      return left - right;
    case "Mul":
      return left * right;
    case "Div":
      return left / right;
    case "Mod":
      return left % right;
    case "Pow":
      return left ** right;
    default:
      return Number.NaN;
  }
}
