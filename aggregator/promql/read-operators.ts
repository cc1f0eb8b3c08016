import type { SyntaxNode } from "@lezer/common";
import type { BinaryOp } from "../query/operators.ts";

/**
 * The grammar's tree is right about which operators there are, but not about what they bind: it
 * takes `-a @ 5` for `(-a) @ 5`, `a or b offset 5m` for `(a or b) offset 5m` and `-2^2` for
 * `(-2)^2`. So what stands between two parentheses is laid out flat, in the order of the text, and
 * bound anew by the precedences of PromQL.
 */
export type Item =
  | { readonly kind: "sign"; readonly sign: "-" | "+"; readonly node: SyntaxNode }
  | { readonly kind: "operator"; readonly op: BinaryOp; readonly node: SyntaxNode }
  /** `suffixes`: nodes of offset, @ and ranges, innermost first. The sign of a literal is an item. */
  | { readonly kind: "operand"; readonly node: SyntaxNode; readonly suffixes: SyntaxNode[] };

/** By the grammar's names. */
export const OPERATORS = new Map<string, BinaryOp>([
  ["Pow", "^"],
  ["Mul", "*"],
  ["Div", "/"],
  ["Mod", "%"],
  ["Add", "+"],
  ["Sub", "-"],
  ["Atan2", "atan2"],
  ["Eql", "=="],
  ["Neq", "!="],
  ["Gtr", ">"],
  ["Lss", "<"],
  ["Gte", ">="],
  ["Lte", "<="],
  ["And", "and"],
  ["Or", "or"],
  ["Unless", "unless"],
]);

/** Higher binds tighter; a sign binds as `*` does. */
const PRECEDENCE = new Map<BinaryOp, number>([
  ["or", 1],
  ["and", 2],
  ["unless", 2],
  ...(["==", "!=", ">", "<", ">=", "<="] as const).map((op) => [op, 3] as const),
  ["+", 4],
  ["-", 4],
  ["*", 5],
  ["/", 5],
  ["%", 5],
  ["atan2", 5],
  ["^", 6],
]);

const SIGN_PRECEDENCE = 5;

const SUFFIXES: ReadonlySet<string> = new Set([
  "OffsetExpr",
  "StepInvariantExpr",
  "MatrixSelector",
  "SubqueryExpr",
]);

/** Lays out a tree; an operator we do not have is returned as the node to complain about. */
export function layOut(node: SyntaxNode, text: string): Item[] | { readonly unknown: SyntaxNode } {
  const items: Item[] = [];
  const unknown = append(node, text, items);
  return unknown === null ? items : { unknown };
}

function append(node: SyntaxNode, text: string, items: Item[]): SyntaxNode | null {
  const [first, second] = node.getChildren("Expr");
  if (SUFFIXES.has(node.name) && first !== undefined) {
    const unknown = append(first, text, items);
    const last = items.at(-1);
    if (last?.kind === "operand") last.suffixes.push(node);
    return unknown;
  }
  if (node.name === "UnaryExpr" && first !== undefined) {
    items.push({ kind: "sign", sign: text[node.from] === "-" ? "-" : "+", node });
    return append(first, text, items);
  }
  if (node.name === "BinaryExpr" && first !== undefined && second !== undefined) {
    const op = operatorOf(node);
    if (op === undefined) return node;
    const unknown = append(first, text, items);
    items.push({ kind: "operator", op, node });
    return unknown ?? append(second, text, items);
  }
  const sign = text[node.from];
  if (node.name === "NumberDurationLiteral" && (sign === "-" || sign === "+")) {
    items.push({ kind: "sign", sign, node });
  }
  items.push({ kind: "operand", node, suffixes: [] });
  return null;
}

function operatorOf(node: SyntaxNode): BinaryOp | undefined {
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    const op = OPERATORS.get(child.name);
    if (op !== undefined) return op;
  }
  return undefined;
}

/** What the binder builds of its items. */
export type Builder<T> = {
  operand(node: SyntaxNode, suffixes: readonly SyntaxNode[]): T;
  sign(sign: "-" | "+", operand: T, node: SyntaxNode): T;
  binary(op: BinaryOp, left: T, right: T, node: SyntaxNode): T;
};

/** Binds items by precedence; all operators but `^` bind to the left. */
export function bind<T>(items: readonly Item[], builder: Builder<T>): T {
  let next = 0;

  function operand(): T {
    const item = items[next];
    next += 1;
    if (item?.kind === "sign") {
      return builder.sign(item.sign, expression(SIGN_PRECEDENCE + 1), item.node);
    }
    if (item?.kind === "operand") return builder.operand(item.node, item.suffixes);
    throw new TypeError("items do not alternate");
  }

  function expression(least: number): T {
    let left = operand();
    for (;;) {
      const item = items[next];
      if (item?.kind !== "operator") return left;
      const precedence = PRECEDENCE.get(item.op) ?? 0;
      if (precedence < least) return left;
      next += 1;
      const right = expression(item.op === "^" ? precedence : precedence + 1);
      left = builder.binary(item.op, left, right, item.node);
    }
  }

  return expression(0);
}
