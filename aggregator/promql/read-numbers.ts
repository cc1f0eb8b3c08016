import type { SyntaxNode } from "@lezer/common";
import { durationMs } from "../../shared/model/duration.ts";
import { placeOf, queryError } from "../query/query-error.ts";
import type { DurationExpr } from "./ast.ts";
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
  if (!/^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(digits)) return null;
  const value = Number(digits);
  return Number.isFinite(value) ? value : null; // 1e400 is an error, as in Go
}

/**
 * A duration in a range, a subquery or an offset: `5m`, `300`, `step()`, `min_of(…)`, or arithmetic
 * on those.
 * @throws OperationalError QUERY
 */
export function readDuration(text: string, node: SyntaxNode): DurationExpr {
  const source = text.slice(node.from, node.to);
  if (node.name === "NumberDurationLiteralInDurationContext") {
    const seconds = parseNumberText(source);
    if (seconds === null) throw queryError(placeOf(text, node.from), `not a number: "${source}"`);
    return { kind: "number", seconds, isDuration: durationMs(source) !== null };
  }
  const duration = ofParts(childrenOf(node), source, (child) => readDuration(text, child));
  if (duration !== null) return duration;
  throw queryError(placeOf(text, node.from), `not a duration: "${source.slice(0, 60)}"`);
}

function ofParts(
  [first, second, third]: readonly SyntaxNode[],
  source: string,
  read: (node: SyntaxNode) => DurationExpr,
): DurationExpr | null {
  if (first?.name === "DurationStep") return { kind: "step" };
  if (first?.name === "DurationRange") return { kind: "range" };
  if (first === undefined) return null;
  if (second === undefined) {
    return source.startsWith("(") ? { kind: "paren", of: read(first) } : read(first);
  }
  if (first.name === "UnaryOp") {
    return { kind: "sign", sign: source.startsWith("-") ? "-" : "+", of: read(second) };
  }
  if (third === undefined) return null;
  if (first.name === "DurationMinOf" || first.name === "DurationMaxOf") {
    const kind = first.name === "DurationMinOf" ? "least" : "most";
    return { kind, left: read(second), right: read(third) };
  }
  const operator = OPERATORS.get(second.name);
  if (operator === undefined) return null;
  return { kind: "binary", op: operator.op, left: read(first), right: read(third) };
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== "LineComment") children.push(child);
  }
  return children;
}
