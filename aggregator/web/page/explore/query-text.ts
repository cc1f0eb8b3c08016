/** Where in the query the aggregator says that something is wrong: an offset; null: it does not. */
export function placeOfProblem(query: string, problem: string): number | null {
  const [, line, column] = /\b(?:PromQL|LogQL) (\d{1,6}):(\d{1,6}): /.exec(problem) ?? [];
  if (line === undefined || column === undefined) return null;
  const lines = query.split("\n").slice(0, Number(line));
  if (lines.length < Number(line)) return null;
  const before = lines.slice(0, -1).reduce((sum, one) => sum + one.length + 1, 0);
  return Math.min(query.length, before + Number(column) - 1);
}

/** Whether LogQL asks for lines; otherwise for numbers. */
export function asksForLines(query: string): boolean {
  return query
    .replace(/^\s*#.*$/gm, "")
    .trimStart()
    .startsWith("{");
}
