import type { SyntaxNode } from "@lezer/common";
import { durationMs } from "../../shared/model/duration.ts";
import { computeOf } from "../query/binary.ts";
import { OPERATORS } from "./read-operators.ts";

/**
 * The number a literal stands for, without a sign; a duration counts seconds. The forms are Go's: a
 * whole number that begins with 0 is octal. Null when the text is none.
 */
export function parseNumberText(text: string): number | null {
  const lower = text.toLowerCase();
  if (lower === "inf") return Number.POSITIVE_INFINITY;
  if (lower === "nan") return Number.NaN;
  const milliseconds = durationMs(text);
  if (milliseconds !== null) return milliseconds / 1000;
  const digits = lower.replaceAll("_", "");
  if (/^0x[0-9a-f]+$/.test(digits)) return Number(digits);
  if (/^0[0-7]+$/.test(digits)) return Number.parseInt(digits, 8);
  return /^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(digits) ? Number(digits) : null;
}

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
  const operator = OPERATORS.get(second.name);
  if (operator === undefined) return Number.NaN;
  return computeOf(operator.op)(durationSecondsOf(text, first), durationSecondsOf(text, third));
}
