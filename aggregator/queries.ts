import type {
  CompiledLogs,
  CompiledQuery,
  FollowRequest,
  LogsPort,
  QueryPort,
} from "./api/ports.ts";
import type { LogExpr } from "./logql/ast.ts";
import { LogqlEngine, type LogqlOptions } from "./logql/engine.ts";
import { parseLogql, parseLogSelector } from "./logql/parse.ts";
import type { LineLog } from "./logs/line-log.ts";
import { LineSource } from "./logs/line-source.ts";
import type { StoredBlock } from "./logs/stored-block.ts";
import type { LogsRequest, ResultLine } from "./model/log-lines.ts";
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

/** LogQL over the lines of the log, as the API needs it. */
export function logsPort(log: LineLog, options: LogqlOptions): LogsPort {
  const source = new LineSource(log);
  const engine = new LogqlEngine(source, options);
  return {
    compile: (text): CompiledLogs => {
      const expr = parseLogql(text);
      if (expr.kind === "logs") {
        return {
          kind: "lines",
          lines: (request, signal) => engine.logs(expr, request, signal),
          follow: (request, signal) => followLines(log, expr, options, request, signal),
        };
      }
      return {
        kind: "metric",
        instant: (timeMs, signal) => engine.instant(expr, timeMs, signal),
        range: (span, signal) => engine.range(expr, span, signal),
      };
    },
    parseSelector: parseLogSelector,
    streams: (sets, range) => source.streams(sets, range),
  };
}

const EVER = { startUs: 0, endUs: Number.MAX_SAFE_INTEGER };

/** After those that are there, what is stored: in the order of time among what came together. */
async function* followLines(
  log: LineLog,
  expr: LogExpr,
  options: LogqlOptions,
  request: FollowRequest,
  signal: AbortSignal,
): AsyncGenerator<readonly ResultLine[]> {
  const linesOf = (only: readonly StoredBlock[] | null, wanted: LogsRequest) => {
    const engine = new LogqlEngine(new LineSource(log, only), options);
    return engine.logs(expr, wanted, signal).lines;
  };
  let seen = log.storedCount;
  const newest: ResultLine[] = [];
  const upToNow = { ...request, endUs: EVER.endUs, direction: "backward" } as const;
  const before = linesOf(null, upToNow); // its first step finds what there is, before others go on
  for await (const batch of before) newest.push(...batch);
  yield newest.reverse();
  for (;;) {
    if (seen === log.storedCount) await log.changed(signal);
    const fresh = log.storedSince(seen);
    seen = log.storedCount;
    yield* linesOf(fresh, { ...EVER, direction: "forward", limit: Number.MAX_SAFE_INTEGER });
  }
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
