import type { Matcher } from "../../shared/model/columns.ts";
import type { Aggregation } from "../query/aggregate.ts";
import type { BinaryOp, BinaryOperation } from "../query/operators.ts";

/** What an expression yields; `matrix` is a range vector. */
export type ValueType = "scalar" | "string" | "vector" | "matrix";

/** The time an `@` modifier names; `start` and `end` are those of the whole query. */
export type AtTime =
  | { readonly kind: "time"; readonly timeMs: number }
  | { readonly kind: "start" }
  | { readonly kind: "end" };

/** Seconds, and what makes others of them. */
export type DurationExpr =
  | { readonly kind: "number"; readonly seconds: number; readonly isDuration: boolean }
  | { readonly kind: "step" | "range" }
  | { readonly kind: "sign"; readonly sign: "-" | "+"; readonly of: DurationExpr }
  | { readonly kind: "paren"; readonly of: DurationExpr }
  | {
      readonly kind: "least" | "most";
      readonly left: DurationExpr;
      readonly right: DurationExpr;
    }
  | {
      readonly kind: "binary";
      readonly op: BinaryOp;
      readonly left: DurationExpr;
      readonly right: DurationExpr;
    };

/** A duration as it was written, if it is more than a number. */
export type Written = DurationExpr | null;

/**
 * When a selector or a subquery looks: at the time of `at`, else of the step, less the offset. Where
 * a duration is written as arithmetic, that stands beside it; if it depends on the query, the number is
 * 0 until durations.ts resolves it.
 */
export type Timed = {
  readonly offsetMs: number;
  readonly offset: Written;
  readonly at: AtTime | null;
};

/** How the edges of a range are met: by the sample before it, or between the samples around it. */
export type Extension = "anchored" | "smoothed";

/** `place` is "PromQL line:column", both from 1, where the expression begins in the text it came from. */
type NumberExpr = {
  readonly kind: "number";
  readonly value: number;
  readonly isDuration: boolean; // written as 5m, to be printed so again
  readonly place: string;
};

type StringExpr = { readonly kind: "string"; readonly text: string; readonly place: string };

/** `matchers` hold the metric name as a matcher of `__name__`, first where it was written so. */
export type SelectorExpr = Timed & {
  readonly kind: "selector";
  readonly matchers: readonly Matcher[];
  readonly extension: Extension | null;
  readonly place: string;
};

/** `selector[range]`. */
type MatrixExpr = {
  readonly kind: "matrix";
  readonly selector: SelectorExpr;
  readonly rangeMs: number;
  readonly range: Written;
  readonly place: string;
};

/** `expr[range:step]`; `stepMs` null: the engine's default. */
export type SubqueryExpr = Timed & {
  readonly kind: "subquery";
  readonly expr: Expr;
  readonly rangeMs: number;
  readonly range: Written;
  readonly stepMs: number | null;
  readonly step: Written;
  readonly place: string;
};

export type CallExpr = {
  readonly kind: "call";
  readonly name: string;
  readonly args: readonly Expr[];
  readonly place: string;
};

export type AggregateExpr = Aggregation & {
  readonly kind: "aggregate";
  readonly param: Expr | null;
  readonly expr: Expr;
};

export type BinaryExpr = BinaryOperation & {
  readonly kind: "binary";
  readonly left: Expr;
  readonly right: Expr;
};

type UnaryExpr = {
  readonly kind: "unary";
  readonly op: "-" | "+";
  readonly expr: Expr;
  readonly place: string;
};

export type ParenExpr = { readonly kind: "paren"; readonly expr: Expr; readonly place: string };

export type Expr =
  | NumberExpr
  | StringExpr
  | SelectorExpr
  | MatrixExpr
  | SubqueryExpr
  | CallExpr
  | AggregateExpr
  | BinaryExpr
  | UnaryExpr
  | ParenExpr;

/** The expressions directly inside, in the order they are written. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "number":
    case "string":
    case "selector":
      return [];
    case "matrix":
      return [expr.selector];
    case "call":
      return expr.args;
    case "aggregate":
      return expr.param === null ? [expr.expr] : [expr.param, expr.expr];
    case "binary":
      return [expr.left, expr.right];
    case "subquery":
    case "unary":
    case "paren":
      return [expr.expr];
  }
}

/** The matchers of every selector, in the order they are written. */
export function exprSelectors(expr: Expr): (readonly Matcher[])[] {
  if (expr.kind === "selector") return [expr.matchers];
  return childrenOf(expr).flatMap(exprSelectors);
}

export function withoutParens(expr: Expr): Exclude<Expr, ParenExpr> {
  let inner = expr;
  while (inner.kind === "paren") inner = inner.expr;
  return inner;
}
