import { parseSelector, quote, type StreamMatcher, selectorText, unquoted } from "./selector.ts";
import { levelsOf, SEVERITIES, type Severity } from "./severities.ts";

/** What is looked for in log lines, as a link says it. Pure. */

export type FilterOp = "|=" | "!=" | "|~" | "!~" | "|>" | "!>";
export type LineFilter = { readonly op: FilterOp; readonly text: string };

export type LogQuestion = {
  /** A stream selector. */
  readonly selector: string;
  readonly filters: readonly LineFilter[];
  /** None: all. */
  readonly severities: readonly Severity[];
};

export type LineOrder = "newest" | "oldest";

const FILTER = /^\s*(\|=|!=|\|~|!~|\|>|!>)\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`)/;

export function questionOf(parameters: URLSearchParams): LogQuestion {
  const selector = parameters.get("select") ?? "";
  const asked = (parameters.get("severity") ?? "").split(",");
  return {
    selector: selector.trim() === "" ? selectorText([]) : selector,
    filters: parseFilters(parameters.get("filter") ?? ""),
    severities: SEVERITIES.filter((one) => asked.includes(one)),
  };
}

export function orderOf(parameters: URLSearchParams): LineOrder {
  return parameters.get("order") === "oldest" ? "oldest" : "newest";
}

/** Of what a link holds; a part that cannot be read is left out. */
export function parseFilters(text: string): readonly LineFilter[] {
  const filters: LineFilter[] = [];
  for (let rest = text; ; ) {
    const [whole = "", op = "", quoted = ""] = FILTER.exec(rest) ?? [];
    const value = unquoted(quoted);
    if (whole === "" || value === null) return filters;
    filters.push({ op: op as FilterOp, text: value });
    rest = rest.slice(whole.length);
  }
}

export function filtersText(filters: readonly LineFilter[]): string {
  return filters.map(({ op, text }) => `${op} ${quote(text)}`).join(" ");
}

/** LogQL for the lines. */
export function linesQuery({ selector, filters, severities }: LogQuestion): string {
  const levels = levelsOf(severities);
  const degree = levels.length === 0 ? "" : `detected_level=~${quote(levels.join("|"))}`;
  return [selector, filtersText(filters), degree === "" ? "" : `| ${degree}`]
    .filter((part) => part !== "")
    .join(" ");
}

/** LogQL that counts the lines of all severities, so that those which are not shown are told too. */
export function countsQuery({ selector, filters }: LogQuestion, stepMs: number): string {
  const lines = linesQuery({ selector, filters, severities: [] });
  return `sum by (detected_level) (count_over_time(${lines} [${stepMs}ms]))`;
}

/** The filter that keeps lines of a mined pattern, whatever stands around it. */
export function patternFilter(op: "|>" | "!>", template: string): LineFilter {
  return { op, text: `<_>${template}<_>`.replace(/(?:<\*>|<_>)+/g, "<_>") };
}

/** The path and search that show a question; times are Unix milliseconds, null: the last hour. */
export function logsPath(
  { selector, filters, severities }: LogQuestion,
  range: { readonly fromMs: number; readonly toMs: number } | null,
  atMs: number | null = null,
): string {
  const asked = new URLSearchParams({ select: selector });
  if (filters.length > 0) asked.set("filter", filtersText(filters));
  if (severities.length > 0) asked.set("severity", severities.join(","));
  if (range !== null) {
    asked.set("from", String(Math.round(range.fromMs)));
    asked.set("to", String(Math.round(range.toMs)));
  }
  if (atMs !== null) asked.set("at", String(Math.floor(atMs)));
  return `/logs?${asked}`;
}

export function selectorOf(labels: Readonly<Record<string, string>>): string {
  const matchers = Object.entries(labels).map(
    ([name, value]): StreamMatcher => ({ name, op: "=", value }),
  );
  return selectorText(matchers);
}

export function matchersOf({ selector }: LogQuestion): readonly StreamMatcher[] | null {
  return parseSelector(selector);
}
