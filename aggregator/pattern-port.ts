import type { PatternsPort } from "./api/patterns-api.ts";
import { parseLogSelector } from "./logql/parse.ts";
import type { PatternSource } from "./model/log-patterns.ts";

/** Patterns of log lines as the API needs them. */
export function patternsPort(source: PatternSource): PatternsPort {
  return { list: (query) => source.list(query), parseSelector: parseLogSelector };
}
