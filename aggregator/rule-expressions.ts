import { OperationalError } from "../shared/errors.ts";
import type { VectorSample } from "../shared/model/columns.ts";
import { METRIC_NAME } from "../shared/model/labels.ts";
import { type LogqlExpr, type MetricExpr, rangesOf } from "./logql/ast.ts";
import type { LogqlEngine } from "./logql/engine.ts";
import { formatLogql } from "./logql/format.ts";
import { parseLogql } from "./logql/parse.ts";
import { presenceOf as presenceOfLines } from "./logql/presence.ts";
import type { Expr } from "./promql/ast.ts";
import type { PromqlEngine } from "./promql/engine.ts";
import { formatExpr } from "./promql/format.ts";
import { parsePromql } from "./promql/parse.ts";
import { presenceOf } from "./promql/presence.ts";
import type { QueryResult } from "./query/result.ts";
import type { CompiledExpr, CompileFn } from "./rules/ports.ts";

/**
 * Expressions of rules: PromQL, or LogQL where the text is no PromQL. One that is both and would read
 * lines is refused: nobody can tell what was meant.
 */
export function compileForRules(series: PromqlEngine, lines: LogqlEngine): CompileFn {
  return (text): CompiledExpr => {
    const read = readExpression(text);
    return read.language === "PromQL" ? ofSeries(series, read.expr) : ofLines(lines, read.expr);
  };
}

function ofSeries(engine: PromqlEngine, expr: Expr): CompiledExpr {
  engine.check(expr);
  const presence = presenceOf(expr);
  return {
    query: formatExpr(expr),
    isOfLines: false,
    instant: async (timeMs) => elementsOf(await engine.instant(expr, timeMs)),
    presence: async (timeMs) => elementsOf(await engine.instant(presence, timeMs)),
  };
}

function ofLines(engine: LogqlEngine, expr: MetricExpr): CompiledExpr {
  const presence = presenceOfLines(expr);
  return {
    query: formatLogql(expr),
    isOfLines: true,
    instant: async (timeMs) => elementsOf(await engine.instant(expr, timeMs)),
    presence: async (timeMs) => elementsOf(await engine.instant(presence, timeMs)),
  };
}

function elementsOf(result: QueryResult): readonly VectorSample[] {
  if (result.type === "vector") return result.samples;
  return result.type === "scalar" ? [{ labels: [], value: result.value }] : [];
}

type Expression =
  | { readonly language: "PromQL"; readonly expr: Expr }
  | { readonly language: "LogQL"; readonly expr: MetricExpr };

/** @throws OperationalError QUERY with the place in the text */
export function readExpression(text: string): Expression {
  const promql = attempt(() => parsePromql(text));
  const logql = attempt(() => parseLogql(text));
  if (promql.expr !== null) {
    if (logql.expr !== null && isOfUnnamedLines(logql.expr)) {
      throw new OperationalError("QUERY", AMBIGUOUS);
    }
    return { language: "PromQL", expr: promql.expr };
  }
  if (logql.expr === null) throw looksLikeLogql(text) ? logql.error : promql.error;
  if (logql.expr.kind === "logs") {
    const hint = "count lines, as in sum(count_over_time({…}[1m])) > 0";
    throw new OperationalError("QUERY", `${logql.expr.place}: a rule needs numbers: ${hint}`);
  }
  return { language: "LogQL", expr: logql.expr };
}

const AMBIGUOUS =
  "The expression is PromQL and LogQL: for lines put a stage behind the selector, such as " +
  `{…} |= "", for series a metric name in front of it, such as {${METRIC_NAME}=~".+", …}`;

/** Lines of a selector that could not be one of series as well, for series have names. */
function isOfUnnamedLines(expr: LogqlExpr): boolean {
  return rangesOf(expr).some(({ logs }) => logs.matchers.every(({ name }) => name !== METRIC_NAME));
}

/** PromQL has a bar in texts only, and not these functions. */
function looksLikeLogql(text: string): boolean {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*'|#[^\n]*/gs, '""');
  return /\|/.test(bare) || /\b(?:bytes_rate|bytes_over_time|rate_counter)\b/.test(bare);
}

function attempt<T>(read: () => T) {
  try {
    return { expr: read(), error: null };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { expr: null, error };
  }
}
