import type { CompiledQuery, QueryPort } from "./api/ports.ts";
import { exprType } from "./promql/check.ts";
import type { PromqlEngine } from "./promql/engine.ts";
import { formatExpr } from "./promql/format.ts";
import { parsePromql, parseSelector } from "./promql/parse.ts";
import { presenceOf } from "./promql/presence.ts";
import type { CompiledExpr, CompileFn } from "./rules/ports.ts";

/** The engine as the API needs it. */
export function queryPort(engine: PromqlEngine): QueryPort {
  return { compile: (text) => compileQuery(engine, text), parseSelector };
}

function compileQuery(engine: PromqlEngine, text: string): CompiledQuery {
  const expr = parsePromql(text);
  return {
    type: exprType(expr),
    instant: (timeMs, signal) => engine.instant(expr, timeMs, signal),
    range: (span, signal) => engine.range(expr, span, signal),
  };
}

/** The engine as rules need it: every result a vector. */
export function compileForRules(engine: PromqlEngine): CompileFn {
  return (text): CompiledExpr => {
    const expr = parsePromql(text);
    const presence = presenceOf(expr);
    const vectorOf = async (one: typeof expr, timeMs: number) => {
      const result = await engine.instant(one, timeMs);
      if (result.type === "vector") return result.samples;
      return result.type === "scalar" ? [{ labels: [], value: result.value }] : [];
    };
    return {
      query: formatExpr(expr),
      instant: (timeMs) => vectorOf(expr, timeMs),
      presence: (timeMs) => vectorOf(presence, timeMs),
    };
  };
}
