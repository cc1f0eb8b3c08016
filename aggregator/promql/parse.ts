import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";
import { OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import { placeOf, queryError } from "../query/query-error.ts";
import type { Expr } from "./ast.ts";
import { checkTypes } from "./check.ts";
import { ExprReader } from "./read-tree.ts";
import { readableText } from "./readable-text.ts";

/** Longest query text taken, in UTF-16 code units. */
export const QUERY_LENGTH_MAX = 65_536;

/** Up to this length a wrong text is parsed a second time, with recovery, to say what is wrong. */
const EXPLAINED_LENGTH_MAX = 2048;

/**
 * The parser's stack ends after 550 (`or`) to 2,800 (`(`) of them. It then refuses the next word, as if
 * that were wrong.
 */
const OPERATORS_READ = 500;

const strictParser = parser.configure({ strict: true });

/**
 * Parses and type-checks PromQL as Prometheus 3 does.
 * @throws OperationalError QUERY with line:column, and what was expected there where that is known
 */
export function parsePromql(text: string): Expr {
  if (text.length > QUERY_LENGTH_MAX) {
    throw new OperationalError(
      "QUERY",
      `PromQL text has ${text.length} characters, more than the ${QUERY_LENGTH_MAX} allowed`,
    );
  }
  const readable = readableText(text);
  const expr = new ExprReader(text).read(parseTree(readable));
  checkTypes(expr);
  return expr;
}

/**
 * Parses a series selector such as `up{job="node"}`, as in the API's `match[]`.
 * @throws OperationalError QUERY when the text is anything else
 */
export function parseSelector(text: string): readonly Matcher[] {
  const expr = parsePromql(text);
  if (expr.kind !== "selector" || expr.at !== null || expr.offsetMs !== 0) {
    throw queryError(expr.place, `expected a plain series selector, found "${text}"`);
  }
  return expr.matchers;
}

function parseTree(text: string): SyntaxNode {
  try {
    const inner = strictParser.parse(text).topNode.getChild("Expr");
    if (inner !== null) return inner;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw explain(text, failureIndex(error));
  }
  throw queryError(placeOf(text, 0), "expected an expression, found nothing");
}

/** The strict parser says where it stopped in its message only. */
function failureIndex(error: SyntaxError): number {
  return Number(/\d+$/.exec(error.message)?.[0] ?? 0);
}

/** What may follow where the parser had to repair, by the construct it was in. */
const EXPECTED_IN = new Map([
  ["PromQL", "an operator or the end of the query"],
  ["AggregateExpr", 'arguments in "(" and ")"'],
  ["AggregateModifier", 'label names in "(" and ")"'],
  ["GroupingLabels", "a label name"],
  ["FunctionCallBody", 'an argument or ")"'],
  ["BinaryExpr", "an operand"],
  ["UnaryExpr", "an operand"],
  ["MatrixSelector", "a duration such as 5m"],
  ["SubqueryExpr", "a duration such as 5m"],
  ["DurationExpr", "a duration such as 5m"],
  ["OffsetExpr", "a duration such as 5m"],
  ["OffsetDurationExpr", "a duration such as 5m"],
  ["LabelMatchers", 'a label matcher such as job="node"'],
  ["UnquotedLabelMatcher", "one of =, !=, =~, !~ and a text in quotes"],
  ["QuotedLabelMatcher", "one of =, !=, =~, !~ and a text in quotes"],
  ["MatchingModifierClause", 'label names in "(" and ")"'],
  ["StepInvariantExpr", "a Unix time, start() or end()"],
  ["ParenExpr", 'an expression and ")"'],
]);

function explain(text: string, stoppedAt: number): OperationalError {
  if (/^(?:\s|#[^\n]*)*$/.test(text))
    return queryError(placeOf(text, 0), "expected an expression, found nothing");
  const call = /([a-zA-Z_]\w*)\s*$/.exec(text.slice(0, stoppedAt));
  if (text[stoppedAt] === "(" && call !== null) {
    return queryError(placeOf(text, call.index), `there is no function "${call[1] ?? ""}"`);
  }
  const operators = operatorsBefore(text, stoppedAt);
  const found = stoppedAt >= text.length ? "the end of the query" : `"${wordAt(text, stoppedAt)}"`;
  if (operators > OPERATORS_READ) {
    const why = `${operators} operators and parentheses stand before it, over ${OPERATORS_READ} may not be read`;
    const message = `unexpected ${found}, or the query is too long: ${why}`;
    return queryError(placeOf(text, stoppedAt), message);
  }
  const expected = text.length > EXPLAINED_LENGTH_MAX ? undefined : expectedAt(text);
  const hint = expected === undefined ? "" : `, expected ${expected}`;
  return queryError(placeOf(text, stoppedAt), `unexpected ${found}${hint}`);
}

function operatorsBefore(text: string, index: number): number {
  const plain = text.slice(0, index).replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/gs, "");
  return plain.match(/\b(?:and|or|unless|atan2)\b|[-+*/%^(]|[=!<>]=?(?!~)/gi)?.length ?? 0;
}

function expectedAt(text: string): string | undefined {
  let expected: string | undefined;
  parser.parse(text).iterate({
    enter(node) {
      if (expected !== undefined || !node.type.isError) return;
      expected = EXPECTED_IN.get(node.node.parent?.name ?? "");
    },
  });
  return expected;
}

function wordAt(text: string, index: number): string {
  return /^(?:\w+|.)/su.exec(text.slice(index, index + 40))?.[0] ?? "";
}
