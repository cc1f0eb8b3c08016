import type { Matcher } from "../../shared/model/columns.ts";
import { formatDuration } from "../../shared/model/duration.ts";
import { decimalText } from "../../shared/model/go-number.ts";
import { METRIC_NAME } from "../../shared/model/labels.ts";
import type { Fill } from "../query/operators.ts";
import type { BinaryExpr, DurationExpr, Expr, Extension, Timed, Written } from "./ast.ts";

const IDENTIFIER = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** The canonical text, on one line, spaced as Prometheus prints it; it parses to the same. */
export function formatExpr(expr: Expr): string {
  switch (expr.kind) {
    case "number":
      return formatLiteral(expr.value, expr.isDuration);
    case "string":
      return JSON.stringify(expr.text);
    case "selector":
      return formatSelector(expr.matchers) + formatTime(expr);
    case "matrix": {
      const { selector, rangeMs } = expr;
      const range = `[${formatWritten(expr.range, rangeMs)}]`;
      return formatSelector(selector.matchers) + range + formatTime(selector);
    }
    case "subquery": {
      const step = expr.stepMs === null ? "" : formatWritten(expr.step, expr.stepMs);
      const range = `[${formatWritten(expr.range, expr.rangeMs)}:${step}]`;
      return formatExpr(expr.expr) + range + formatTime(expr);
    }
    case "call":
      return `${expr.name}(${expr.args.map(formatExpr).join(", ")})`;
    case "aggregate": {
      const isGrouped = expr.grouping === "without" || expr.labels.length > 0;
      const clause = isGrouped ? ` ${expr.grouping} ${formatNames(expr.labels)} ` : "";
      const param = expr.param === null ? "" : `${formatExpr(expr.param)}, `;
      return `${expr.op}${clause}(${param}${formatExpr(expr.expr)})`;
    }
    case "binary":
      return formatBinary(expr);
    case "unary":
      return `${expr.op}${formatExpr(expr.expr)}`;
    case "paren":
      return `(${formatExpr(expr.expr)})`;
  }
}

function formatLiteral(value: number, isDuration: boolean): string {
  return isDuration ? formatDuration(Math.round(value * 1000)) : decimalText(value);
}

function formatSelector(matchers: readonly Matcher[]): string {
  const [first, ...others] = matchers;
  const isNamed = first?.name === METRIC_NAME && first.type === "=" && IDENTIFIER.test(first.value);
  const rest = isNamed ? others : matchers;
  const name = isNamed ? first.value : "";
  if (rest.length === 0) return name === "" ? "{}" : name;
  const inBraces = rest.map(({ name: label, type, value }) => {
    return `${formatName(label)}${type}${JSON.stringify(value)}`;
  });
  return `${name}{${inBraces.join(",")}}`;
}

function formatTime({
  at,
  offsetMs,
  offset,
  extension,
}: Timed & { readonly extension?: Extension | null }): string {
  let text = extension === undefined || extension === null ? "" : ` ${extension}`;
  if (at !== null) {
    text += at.kind === "time" ? ` @ ${(at.timeMs / 1000).toFixed(3)}` : ` @ ${at.kind}()`;
  }
  if (offset !== null) return `${text} offset ${formatOffset(offset)}`;
  return offsetMs === 0 ? text : `${text} offset ${formatDuration(offsetMs)}`;
}

function formatWritten(written: Written, ms: number): string {
  return written === null ? formatDuration(ms) : formatArithmetic(written);
}

/** Behind `offset` operators stand in parentheses. */
function formatOffset(offset: DurationExpr): string {
  const text = formatArithmetic(offset);
  return offset.kind === "binary" ? `(${text})` : text;
}

function formatArithmetic(expr: DurationExpr): string {
  switch (expr.kind) {
    case "number":
      return formatLiteral(expr.seconds, expr.isDuration);
    case "step":
    case "range":
      return `${expr.kind}()`;
    case "sign":
      return expr.sign + formatArithmetic(expr.of);
    case "paren":
      return `(${formatArithmetic(expr.of)})`;
    case "binary":
      return `${formatArithmetic(expr.left)} ${expr.op} ${formatArithmetic(expr.right)}`;
    default: {
      const name = expr.kind === "least" ? "min_of" : "max_of";
      return `${name}(${formatArithmetic(expr.left)}, ${formatArithmetic(expr.right)})`;
    }
  }
}

function formatBinary(expr: BinaryExpr): string {
  const { isOn, labels, many, include, fill } = expr.matching;
  const isGrouped = many === "left" || many === "right";
  let operator: string = expr.op;
  if (expr.isBool) operator += " bool";
  if (isOn || labels.length > 0 || isGrouped) {
    operator += ` ${isOn ? "on" : "ignoring"} ${formatNames(labels)}`;
  }
  if (isGrouped) operator += ` group_${many} ${formatNames(include)}`;
  if (fill !== null && fill !== undefined) operator += ` ${formatFill(fill)}`;
  return `${formatExpr(expr.left)} ${operator} ${formatExpr(expr.right)}`;
}

function formatFill({ one, many }: Fill): string {
  if (Object.is(one, many)) return `fill (${decimalText(one ?? 0)})`;
  const texts: string[] = [];
  if (many !== null) texts.push(`fill_left (${decimalText(many)})`);
  if (one !== null) texts.push(`fill_right (${decimalText(one)})`);
  return texts.join(" ");
}

function formatNames(names: readonly string[]): string {
  return `(${names.map(formatName).join(", ")})`;
}

function formatName(name: string): string {
  return LABEL_NAME.test(name) ? name : JSON.stringify(name);
}
