import { isComparison, isSetOp } from "../query/operators.ts";
import { queryError } from "../query/query-error.ts";
import {
  type AggregateExpr,
  type BinaryExpr,
  type CallExpr,
  childrenOf,
  type Expr,
  type ValueType,
} from "./ast.ts";
import { FUNCTIONS } from "./functions.ts";

const TYPE_NAMES: Readonly<Record<ValueType, string>> = {
  scalar: "a scalar",
  string: "a string",
  vector: "an instant vector",
  matrix: "a range vector",
};

export function exprType(expr: Expr): ValueType {
  switch (expr.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "selector":
    case "aggregate":
      return "vector";
    case "matrix":
    case "subquery":
      return "matrix";
    case "call":
      return FUNCTIONS.get(expr.name)?.returns ?? "vector";
    case "binary":
      return exprType(expr.left) === "scalar" && exprType(expr.right) === "scalar"
        ? "scalar"
        : "vector";
    case "unary":
    case "paren":
      return exprType(expr.expr);
  }
}

/** @throws OperationalError QUERY when an operator, function or aggregation gets what it cannot use */
export function checkTypes(expr: Expr): void {
  for (const child of childrenOf(expr)) checkTypes(child);
  switch (expr.kind) {
    case "call":
      checkCall(expr);
      break;
    case "aggregate":
      checkAggregate(expr);
      break;
    case "binary":
      checkBinary(expr);
      break;
    case "unary":
      if (exprType(expr.expr) !== "scalar") expectType(expr.expr, "vector", `operator ${expr.op}`);
      break;
    case "subquery":
      expectType(expr.expr, "vector", "a subquery");
      break;
  }
}

function expectType(expr: Expr, wanted: ValueType, where: string): void {
  const found = exprType(expr);
  if (found === wanted) return;
  const message = `${where} takes ${TYPE_NAMES[wanted]}, found ${TYPE_NAMES[found]}`;
  throw queryError(expr.place, message);
}

function checkCall(expr: CallExpr): void {
  const signature = FUNCTIONS.get(expr.name);
  if (signature === undefined) throw queryError(expr.place, `there is no function ${expr.name}`);
  const { args, optional, isVariadic } = signature;
  const least = args.length - optional;
  const most = isVariadic ? Number.POSITIVE_INFINITY : args.length;
  if (expr.args.length < least || expr.args.length > most) {
    const bounds = least === most ? least : `${least} to ${most}`;
    const wanted = isVariadic ? `at least ${least}` : bounds;
    const message = `${expr.name} takes ${wanted} arguments, found ${expr.args.length}`;
    throw queryError(expr.place, message);
  }
  expr.args.forEach((arg, index) => {
    const wanted = args[Math.min(index, args.length - 1)] ?? "vector";
    expectType(arg, wanted, `argument ${index + 1} of ${expr.name}`);
  });
}

function checkAggregate(expr: AggregateExpr): void {
  expectType(expr.expr, "vector", expr.op);
  if (expr.param === null) return;
  const wanted = expr.op === "count_values" ? "string" : "scalar";
  expectType(expr.param, wanted, `the parameter of ${expr.op}`);
}

function checkBinary(expr: BinaryExpr): void {
  const { op, place, matching } = expr;
  const types = [exprType(expr.left), exprType(expr.right)];
  for (const [index, side] of [expr.left, expr.right].entries()) {
    if (types[index] !== "scalar") expectType(side, "vector", `operator ${op}`);
  }
  if (expr.isBool && !isComparison(op)) {
    throw queryError(place, `bool goes with a comparison, not with ${op}`);
  }
  const scalars = types.filter((type) => type === "scalar").length;
  if (scalars === 2 && isComparison(op) && !expr.isBool) {
    throw queryError(place, `a comparison of two scalars needs bool: ${op} bool`);
  }
  if (scalars > 0 && isSetOp(op)) {
    throw queryError(place, `${op} takes instant vectors on both sides, found a scalar`);
  }
  const isMatched = matching.isOn || matching.labels.length > 0 || matching.include.length > 0;
  const isFilled = (matching.fill ?? null) !== null;
  if (scalars > 0 && (isMatched || isFilled || matching.many !== "none")) {
    throw queryError(place, "on, ignoring, group_… and fill go between two instant vectors only");
  }
  const twice = matching.isOn && matching.labels.find((name) => matching.include.includes(name));
  if (typeof twice === "string") {
    throw queryError(place, `label "${twice}" stands both in on and in the group`);
  }
}
