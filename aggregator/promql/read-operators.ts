import type { SyntaxNode } from "@lezer/common";
import type { BinaryOp } from "../query/operators.ts";
import { placeOf, queryError } from "../query/query-error.ts";

/**
 * The grammar's tree is right about which operators there are, but not about what they bind: it
 * takes `-a @ 5` for `(-a) @ 5`, `a or b offset 5m` for `(a or b) offset 5m` and `-2^2` for
 * `(-2)^2`. So what stands between two parentheses is laid out flat, in the order of the text, and
 * bound anew by the precedences of PromQL.
 */
export type Item =
  | { readonly kind: "sign"; readonly sign: "-" | "+"; readonly node: SyntaxNode }
  | (Operator & { readonly kind: "operator"; readonly node: SyntaxNode })
  /** `suffixes`: nodes of offset, @ and ranges, innermost first. The sign of a literal is an item. */
  | { readonly kind: "operand"; readonly node: SyntaxNode; readonly suffixes: SyntaxNode[] };

/** A higher precedence binds tighter. */
type Operator = { readonly op: BinaryOp; readonly precedence: number };

/** By the grammar's names. */
export const OPERATORS = new Map<string, Operator>([
  ["Pow", { op: "^", precedence: 6 }],
  ["Mul", { op: "*", precedence: 5 }],
  ["Div", { op: "/", precedence: 5 }],
  ["Mod", { op: "%", precedence: 5 }],
  ["Atan2", { op: "atan2", precedence: 5 }],
  ["Add", { op: "+", precedence: 4 }],
  ["Sub", { op: "-", precedence: 4 }],
  ["Eql", { op: "==", precedence: 3 }],
  ["Neq", { op: "!=", precedence: 3 }],
  ["Gtr", { op: ">", precedence: 3 }],
  ["Lss", { op: "<", precedence: 3 }],
  ["Gte", { op: ">=", precedence: 3 }],
  ["Lte", { op: "<=", precedence: 3 }],
  ["And", { op: "and", precedence: 2 }],
  ["Unless", { op: "unless", precedence: 2 }],
  ["Or", { op: "or", precedence: 1 }],
]);

/** As that of `*`. */
export const SIGN_PRECEDENCE = 5;

const SUFFIXES: ReadonlySet<string> = new Set([
  "OffsetExpr",
  "StepInvariantExpr",
  "MatrixSelector",
  "SubqueryExpr",
  "AnchoredExpr",
  "SmoothedExpr",
]);

/** @throws OperationalError QUERY for an operator that we do not have */
export function layOut(node: SyntaxNode, text: string): Item[] {
  const items: Item[] = [];
  append(node, text, items);
  return items;
}

function append(node: SyntaxNode, text: string, items: Item[]): void {
  const [first, second] = node.getChildren("Expr");
  const sign = text[node.from];
  if (SUFFIXES.has(node.name) && first !== undefined) {
    append(first, text, items);
    const last = items.at(-1);
    if (last?.kind === "operand") last.suffixes.push(node);
  } else if (node.name === "UnaryExpr" && first !== undefined) {
    items.push({ kind: "sign", sign: sign === "-" ? "-" : "+", node });
    append(first, text, items);
  } else if (node.name === "BinaryExpr" && first !== undefined && second !== undefined) {
    const operator = operatorOf(node);
    if (operator === undefined) throw unsupported(node, text);
    append(first, text, items);
    items.push({ kind: "operator", ...operator, node });
    append(second, text, items);
  } else {
    if (node.name === "NumberDurationLiteral" && (sign === "-" || sign === "+")) {
      items.push({ kind: "sign", sign, node });
    }
    items.push({ kind: "operand", node, suffixes: [] });
  }
}

function operatorOf(node: SyntaxNode): Operator | undefined {
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    const operator = OPERATORS.get(child.name);
    if (operator !== undefined) return operator;
  }
  return undefined;
}

export function unsupported(node: SyntaxNode, text: string): Error {
  const source = text.slice(node.from, node.to);
  return queryError(placeOf(text, node.from), `"${source.slice(0, 60)}" is not supported`);
}
