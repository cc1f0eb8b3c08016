import type { Matcher } from "../../shared/model/columns.ts";
import { formatDuration } from "../../shared/model/duration.ts";
import { decimalText } from "../../shared/model/go-number.ts";
import type {
  BinaryExpr,
  Extraction,
  Grouping,
  LabelFilter,
  LabelFormat,
  LineFilterStage,
  LogExpr,
  LogqlExpr,
  MetricExpr,
  RangeExpr,
  Stage,
  Unwrap,
} from "./ast.ts";

/** The canonical text, on one line; it parses to the same. */
export function formatLogql(expr: LogqlExpr): string {
  if (expr.kind === "logs") return formatLogs(expr);
  return formatMetric(expr);
}

function formatMetric(expr: MetricExpr): string {
  switch (expr.kind) {
    case "number":
      return formatNumber(expr.value);
    case "vector":
      return `vector(${formatNumber(expr.value)})`;
    case "range":
      return formatRange(expr);
    case "aggregate": {
      const isGrouped = expr.grouping === "without" || expr.labels.length > 0;
      const clause = isGrouped ? ` ${formatGrouping(expr)} ` : "";
      const param = expr.param === null ? "" : `${expr.param}, `;
      return `${expr.op}${clause}(${param}${formatMetric(expr.expr)})`;
    }
    case "binary":
      return formatBinary(expr);
    case "sort":
      return `${expr.isDescending ? "sort_desc" : "sort"}(${formatMetric(expr.expr)})`;
    case "label_replace": {
      const texts = expr.texts.map((text) => JSON.stringify(text));
      return `label_replace(${[formatMetric(expr.expr), ...texts].join(", ")})`;
    }
  }
}

/** What is no number can only be written as what gives it. */
function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "(0 / 0)";
  if (!Number.isFinite(value)) return value > 0 ? "(1 / 0)" : "(-1 / 0)";
  return decimalText(value);
}

function formatRange(expr: RangeExpr): string {
  const { op, param, logs, unwrap, rangeMs, offsetMs, grouping } = expr;
  const first = param === null ? "" : `${decimalText(param)}, `;
  const values = unwrap === null ? "" : formatUnwrap(unwrap);
  const offset = offsetMs === 0 ? "" : ` offset ${formatDuration(offsetMs)}`;
  const range = `[${formatDuration(rangeMs)}]${offset}`;
  const clause = grouping === null ? "" : ` ${formatGrouping(grouping)}`;
  return `${op}(${first}${formatLogs(logs)}${values} ${range})${clause}`;
}

function formatUnwrap({ name, as, filters }: Unwrap): string {
  const inner = as === "number" ? name : `${as}(${name})`;
  return ` | unwrap ${inner}${filters.map(formatStage).join("")}`;
}

function formatGrouping({ grouping, labels }: Grouping): string {
  return `${grouping} ${formatNames(labels)}`;
}

function formatBinary({ op, isBool, matching, left, right }: BinaryExpr): string {
  const { isOn, labels, many, include } = matching;
  const isGrouped = many === "left" || many === "right";
  let operator = isBool ? `${op} bool` : op;
  if (isOn || labels.length > 0 || isGrouped) {
    operator += ` ${isOn ? "on" : "ignoring"} ${formatNames(labels)}`;
  }
  if (isGrouped) operator += ` group_${many} ${formatNames(include)}`;
  return `${formatSide(left)} ${operator} ${formatSide(right)}`;
}

function formatSide(expr: MetricExpr): string {
  return expr.kind === "binary" ? `(${formatBinary(expr)})` : formatMetric(expr);
}

function formatNames(names: readonly string[]): string {
  return `(${names.join(", ")})`;
}

function formatLogs({ matchers, stages }: LogExpr): string {
  return `{${matchers.map(formatMatcher).join(", ")}}${stages.map(formatStage).join("")}`;
}

function formatMatcher({ name, type, value }: Matcher): string {
  return `${name}${type}${JSON.stringify(value)}`;
}

/** With a space before it. */
function formatStage(stage: Stage): string {
  switch (stage.kind) {
    case "line-filter":
      return ` ${formatLineFilter(stage)}`;
    case "label-filter":
      return ` | ${formatLabelFilter(stage.filter)}`;
    case "json":
      return ` | json${formatExtractions(stage.fields)}`;
    case "logfmt": {
      const flags = `${stage.isStrict ? " --strict" : ""}${stage.keepsEmpty ? " --keep-empty" : ""}`;
      return ` | logfmt${flags}${formatExtractions(stage.fields)}`;
    }
    case "pattern":
    case "regexp":
    case "line_format":
      return ` | ${stage.kind} ${JSON.stringify(stage.text)}`;
    case "unpack":
    case "decolorize":
      return ` | ${stage.kind}`;
    case "label_format":
      return ` | label_format ${stage.formats.map(formatLabelFormat).join(", ")}`;
    case "drop":
    case "keep": {
      const choices = stage.choices.map(({ name, matcher }) =>
        matcher === null ? name : formatMatcher(matcher),
      );
      return ` | ${stage.kind} ${choices.join(", ")}`;
    }
  }
}

function formatLineFilter({ op, alternatives }: LineFilterStage): string {
  const texts = alternatives.map(({ text, isIp }) =>
    isIp ? `ip(${JSON.stringify(text)})` : JSON.stringify(text),
  );
  return `${op} ${texts.join(" or ")}`;
}

const SUFFIXES = { number: "", duration: "s", bytes: "B" } as const;

function formatLabelFilter(filter: LabelFilter): string {
  switch (filter.kind) {
    case "text":
      return formatMatcher(filter.matcher);
    case "ip": {
      const { name, isNegated, text } = filter;
      return `${name}${isNegated ? "!=" : "="}ip(${JSON.stringify(text)})`;
    }
    case "quantity": {
      const { name, op, as, value } = filter;
      return `${name}${op === "=" ? "==" : op}${decimalText(value)}${SUFFIXES[as]}`;
    }
    case "and":
    case "or": {
      const parts = filter.filters.map((one) => {
        const text = formatLabelFilter(one);
        return one.kind === "and" || one.kind === "or" ? `(${text})` : text;
      });
      return parts.join(` ${filter.kind} `);
    }
  }
}

function formatExtractions(fields: readonly Extraction[]): string {
  if (fields.length === 0) return "";
  const parts = fields.map(({ name, from }) =>
    from === name ? name : `${name}=${JSON.stringify(from)}`,
  );
  return ` ${parts.join(", ")}`;
}

function formatLabelFormat({ name, value }: LabelFormat): string {
  return `${name}=${value.kind === "rename" ? value.from : JSON.stringify(value.text)}`;
}
