import { compilePattern } from "../matching/pattern.ts";
import { aggregateOp, hasParameter } from "../query/aggregate.ts";
import { computeOf } from "../query/binary.ts";
import { type BinaryOp, isComparison, isSetOp, type VectorMatching } from "../query/operators.ts";
import { atPlace, queryError } from "../query/query-error.ts";
import {
  type AggregateExpr,
  type BinaryExpr,
  isScalar,
  type LogqlExpr,
  type MetricExpr,
} from "./ast.ts";
import type { Token } from "./lexer.ts";
import { readLogs } from "./parse-logs.ts";
import { rangeOp, readGrouping, readLabelNames, readRange } from "./parse-range.ts";
import type { TokenReader } from "./token-reader.ts";

/** Higher binds tighter; all but `^` bind to the left. */
const PRECEDENCES = new Map<string, number>([
  ["or", 1],
  ["and", 2],
  ["unless", 2],
  ["==", 3],
  ["!=", 3],
  [">", 3],
  [">=", 3],
  ["<", 3],
  ["<=", 3],
  ["+", 4],
  ["-", 4],
  ["*", 5],
  ["/", 5],
  ["%", 5],
  ["^", 6],
]);

/** Operators in a row: each makes the expression deeper, and what walks it is recursive. */
const OPERATORS_MAX = 500;

/** An expression whose operators have at least the precedence `least`. */
export function readExpr(reader: TokenReader, least: number): LogqlExpr {
  let left = reader.nested(() => readOperand(reader));
  for (let count = 0; ; count += 1) {
    const { kind, text } = reader.peek();
    const precedence = kind === "mark" || kind === "word" ? PRECEDENCES.get(text) : undefined;
    if (precedence === undefined || precedence < least) return left;
    if (count >= OPERATORS_MAX) throw queryError(reader.place, `over ${OPERATORS_MAX} operators`);
    left = readBinary(reader, left, precedence);
  }
}

/** An expression that yields series or a number. `where` says in the message what takes it. */
function readMetric(reader: TokenReader, where: string): MetricExpr {
  return metricOf(readExpr(reader, 0), where);
}

function metricOf(expr: LogqlExpr, where: string): MetricExpr {
  if (expr.kind !== "logs") return expr;
  throw queryError(expr.place, `${where} takes series, found log lines: use rate({…}[5m])`);
}

function readBinary(reader: TokenReader, one: LogqlExpr, precedence: number): MetricExpr {
  const { place } = reader;
  const op = reader.take().text as BinaryOp;
  const left = metricOf(one, `operator ${op}`);
  const isBool = reader.takeWord("bool");
  const matching = readMatching(reader, op);
  const other = reader.nested(() => readExpr(reader, op === "^" ? precedence : precedence + 1));
  const right = metricOf(other, `operator ${op}`);
  const expr = { kind: "binary", op, left, right, isBool, matching, place } as const;
  checkBinary(expr);
  if (left.kind !== "number" || right.kind !== "number") return expr;
  return { kind: "number", value: computeOf(op)(left.value, right.value), place };
}

function readMatching(reader: TokenReader, op: BinaryOp): VectorMatching {
  const many = isSetOp(op) ? "both" : "none";
  const isOn = reader.isWord("on");
  if (!isOn && !reader.isWord("ignoring")) return { isOn, labels: [], many, include: [] };
  reader.take();
  const labels = readLabelNames(reader);
  const isLeft = reader.isWord("group_left");
  if (!isLeft && !reader.isWord("group_right")) return { isOn, labels, many, include: [] };
  if (isSetOp(op)) throw queryError(reader.place, `${op} takes no group_left or group_right`);
  reader.take();
  const include = reader.isMark("(") ? readLabelNames(reader) : [];
  return { isOn, labels, many: isLeft ? "left" : "right", include };
}

function checkBinary({ op, left, right, isBool, matching, place }: BinaryExpr): void {
  if (isBool && !isComparison(op)) {
    throw queryError(place, `bool goes with a comparison, not with ${op}`);
  }
  if (!isScalar(left) && !isScalar(right)) return;
  if (isSetOp(op)) throw queryError(place, `${op} takes series on both sides, found a number`);
  if (matching.isOn || matching.labels.length > 0) {
    throw queryError(place, "on and ignoring go between two vectors only");
  }
}

function readOperand(reader: TokenReader): LogqlExpr {
  const token = reader.peek();
  if (reader.isMark("{")) return readLogs(reader);
  if (reader.takeMark("(")) {
    const inner = readExpr(reader, 0);
    reader.expectMark(")");
    return inner;
  }
  if (token.kind === "number" || reader.isMark("-") || reader.isMark("+"))
    return readNumber(reader);
  if (token.kind === "word") return readCall(reader, token);
  throw reader.unexpected("a stream selector, a function or a number");
}

function readNumber(reader: TokenReader): MetricExpr {
  const { place } = reader;
  const isNegative = reader.takeMark("-");
  if (!isNegative) reader.takeMark("+");
  const value = Number(reader.expect("number", "a number: a sign goes before numbers only"));
  return { kind: "number", value: isNegative ? -value : value, place };
}

function readCall(reader: TokenReader, { text: name }: Token): MetricExpr {
  const { place } = reader;
  const range = rangeOp(name);
  if (range !== undefined) return readRange(reader, range);
  switch (name) {
    case "vector":
      return readVector(reader, place);
    case "label_replace":
      return readLabelReplace(reader, place);
    case "sort":
    case "sort_desc":
      return readSort(reader, place);
  }
  if (name === "approx_topk") return readAggregate(reader, "topk", place); // exact is near enough
  const op = LOKI_AGGREGATIONS.has(name) ? aggregateOp(name) : undefined;
  if (op !== undefined) return readAggregate(reader, op, place);
  if (reader.isMark("(", 1)) throw queryError(place, `the function ${name} is not supported`);
  throw queryError(place, `unexpected "${name}", expected a stream selector such as {job="node"}`);
}

/** PromQL has more of them. */
const LOKI_AGGREGATIONS: ReadonlySet<string> = new Set(
  "sum avg min max count stddev stdvar topk bottomk".split(" "),
);

function readVector(reader: TokenReader, place: string): MetricExpr {
  reader.take();
  reader.expectMark("(");
  const inner = readExpr(reader, 0);
  if (inner.kind !== "number") throw queryError(inner.place, "vector takes a number");
  reader.expectMark(")");
  return { kind: "vector", value: inner.value, place };
}

function readSort(reader: TokenReader, place: string): MetricExpr {
  const name = reader.take().text;
  reader.expectMark("(");
  const expr = readVectorOperand(reader, name);
  reader.expectMark(")");
  return { kind: "sort", isDescending: name === "sort_desc", expr, place };
}

function readVectorOperand(reader: TokenReader, name: string): MetricExpr {
  const expr = readMetric(reader, name);
  if (isScalar(expr)) throw queryError(expr.place, `${name} takes series, found a number`);
  return expr;
}

function readLabelReplace(reader: TokenReader, place: string): MetricExpr {
  reader.take();
  reader.expectMark("(");
  const expr = readVectorOperand(reader, "label_replace");
  const texts: string[] = [];
  for (const what of ["label to set", "replacement", "label to look at", "pattern"]) {
    reader.expectMark(",");
    texts.push(reader.expect("string", `the ${what} in quotes`));
  }
  reader.expectMark(")");
  atPlace(place, () => compilePattern(texts[3] ?? ""));
  return { kind: "label_replace", expr, texts, place };
}

function readAggregate(reader: TokenReader, op: AggregateExpr["op"], place: string): MetricExpr {
  reader.take();
  const before = readGrouping(reader);
  reader.expectMark("(");
  const param = hasParameter(op) ? readParameter(reader, op) : null;
  const expr = readVectorOperand(reader, op);
  reader.expectMark(")");
  const after = before === null ? readGrouping(reader) : null;
  const grouping = before ?? after ?? { grouping: "by", labels: [] };
  return { kind: "aggregate", op, param, expr, ...grouping, place };
}

function readParameter(reader: TokenReader, op: string): number {
  const { place } = reader;
  const count = Number(reader.expect("number", `how many elements ${op} keeps`));
  if (!Number.isSafeInteger(count) || count < 1) {
    throw queryError(place, `the parameter of ${op} must be a whole number from 1 on`);
  }
  reader.expectMark(",");
  return count;
}
