import { OperationalError } from "../../shared/errors.ts";
import { queryError } from "../query/query-error.ts";
import type { LogExpr, LogqlExpr } from "./ast.ts";
import { tokensOf } from "./lexer.ts";
import { readExpr } from "./parse-metric.ts";
import { TokenReader } from "./token-reader.ts";

/** Longest query text taken, in UTF-16 code units. */
const QUERY_LENGTH_MAX = 65_536;

/**
 * Parses LogQL; docs/logql.md says which part of it.
 * @throws OperationalError QUERY with line:column, and what was expected there or is not supported
 */
export function parseLogql(text: string): LogqlExpr {
  if (text.length > QUERY_LENGTH_MAX) {
    throw new OperationalError(
      "QUERY",
      `LogQL text has ${text.length} characters, more than the ${QUERY_LENGTH_MAX} allowed`,
    );
  }
  const reader = new TokenReader(text, tokensOf(text));
  const expr = readExpr(reader, 0);
  if (reader.peek().kind === "end") return expr;
  if (reader.isMark("[")) {
    throw queryError(reader.place, "a range stands inside a function, such as rate({…}[5m])");
  }
  throw reader.unexpected(
    expr.kind === "logs"
      ? "a stage such as |= or | json, or the end of the query"
      : "an operator or the end of the query",
  );
}

/**
 * Parses a stream selector such as `{job="node"}`, as in the API's `match[]`.
 * @throws OperationalError QUERY when the text is anything else
 */
export function parseLogSelector(text: string): LogExpr["matchers"] {
  const expr = parseLogql(text);
  if (expr.kind === "logs" && expr.stages.length === 0) return expr.matchers;
  throw queryError(expr.place, "expected a plain stream selector");
}
