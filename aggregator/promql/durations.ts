/**
 * Arithmetic in the places of durations: `[step() * 2]`, `offset (1m - 10s)`. Source: prometheus.io/docs,
 * "Querying basics" and "Feature flags" (promql-duration-expr).
 */

import { computeOf } from "../query/binary.ts";
import type { QuerySpan } from "../query/grid.ts";
import { queryError } from "../query/query-error.ts";
import type { DurationExpr, Expr, Written } from "./ast.ts";

export function dependsOnQuery(expr: DurationExpr): boolean {
  switch (expr.kind) {
    case "number":
      return false;
    case "step":
    case "range":
      return true;
    case "sign":
    case "paren":
      return dependsOnQuery(expr.of);
    default:
      return dependsOnQuery(expr.left) || dependsOnQuery(expr.right);
  }
}

/**
 * Milliseconds, whole ones.
 * @throws OperationalError QUERY when it divides by 0 or is no number
 */
export function durationOf(expr: DurationExpr, span: QuerySpan, place: string): number {
  const milliseconds = Math.trunc(secondsOf(expr, span, place) * 1000);
  if (Number.isSafeInteger(milliseconds)) return milliseconds;
  throw queryError(place, "the duration is out of range");
}

function secondsOf(expr: DurationExpr, span: QuerySpan, place: string): number {
  const of = (part: DurationExpr) => secondsOf(part, span, place);
  switch (expr.kind) {
    case "number":
      return expr.seconds;
    case "step":
      return span.stepMs / 1000;
    case "range":
      return (span.endMs - span.startMs) / 1000;
    case "sign":
      return expr.sign === "-" ? -of(expr.of) : of(expr.of);
    case "paren":
      return of(expr.of);
    case "least":
      return Math.min(of(expr.left), of(expr.right));
    case "most":
      return Math.max(of(expr.left), of(expr.right));
    case "binary": {
      const [left, right] = [of(expr.left), of(expr.right)];
      if (right === 0 && expr.op === "/") throw queryError(place, "a duration divided by 0");
      if (right === 0 && expr.op === "%") throw queryError(place, "a duration modulo 0");
      return computeOf(expr.op)(left, right);
    }
  }
}

/** @throws OperationalError QUERY */
export function positive(milliseconds: number, what: string, place: string): number {
  if (milliseconds > 0) return milliseconds;
  throw queryError(place, `${what} must be longer than 0`);
}

/**
 * The expression with all durations known that depend on the query's step and range.
 * @throws OperationalError QUERY
 */
export function resolveDurations(expr: Expr, span: QuerySpan): Expr {
  const inner = <E extends Expr>(one: E) => resolveDurations(one, span) as E;
  const known = (written: Written, otherwise: number) =>
    written === null ? otherwise : durationOf(written, span, expr.place);
  switch (expr.kind) {
    case "number":
    case "string":
      return expr;
    case "selector":
      if (expr.offset === null) return expr;
      return { ...expr, offsetMs: known(expr.offset, expr.offsetMs) };
    case "matrix": {
      const rangeMs = positive(known(expr.range, expr.rangeMs), "a range", expr.place);
      return { ...expr, rangeMs, selector: inner(expr.selector) };
    }
    case "subquery": {
      const rangeMs = positive(known(expr.range, expr.rangeMs), "a range", expr.place);
      const stepMs =
        expr.step === null ? expr.stepMs : positive(known(expr.step, 0), "a step", expr.place);
      const offsetMs = known(expr.offset, expr.offsetMs);
      return { ...expr, rangeMs, stepMs, offsetMs, expr: inner(expr.expr) };
    }
    case "call":
      return { ...expr, args: expr.args.map(inner) };
    case "binary":
      return { ...expr, left: inner(expr.left), right: inner(expr.right) };
    case "aggregate": {
      const param = expr.param === null ? null : inner(expr.param);
      return { ...expr, param, expr: inner(expr.expr) };
    }
    case "unary":
    case "paren":
      return { ...expr, expr: inner(expr.expr) };
  }
}
