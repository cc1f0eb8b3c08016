import type { Matcher } from "../../shared/model/columns.ts";
import { decimalText } from "../../shared/model/go-number.ts";
import { METRIC_NAME } from "../../shared/model/labels.ts";
import { isSetOp, type VectorMatching } from "../query/operators.ts";
import type { Expr, SelectorExpr, Timed } from "./ast.ts";
import { exprType } from "./check.ts";
import { FUNCTIONS } from "./functions.ts";

/**
 * An expression as an object for JSON, as Prometheus' `/api/v1/parse_query` has it.
 * Source: web/api/v1/translate_ast.go of Prometheus 3.
 */
export function exprObject(expr: Expr): object {
  switch (expr.kind) {
    case "number":
      return { type: "numberLiteral", val: decimalText(expr.value) };
    case "string":
      return { type: "stringLiteral", val: expr.text };
    case "selector":
      return { type: "vectorSelector", ...selectorFields(expr) };
    case "matrix":
      return { type: "matrixSelector", range: expr.rangeMs, ...selectorFields(expr.selector) };
    case "subquery": {
      const { rangeMs: range, stepMs } = expr;
      const fields = { range, step: stepMs ?? 0, ...timedFields(expr) };
      return { type: "subquery", expr: exprObject(expr.expr), ...fields };
    }
    case "call":
      return { type: "call", func: functionObject(expr.name), args: expr.args.map(exprObject) };
    case "aggregate": {
      const { op, labels, grouping, param } = expr;
      return {
        type: "aggregation",
        op,
        expr: exprObject(expr.expr),
        param: param === null ? null : exprObject(param),
        grouping: labels,
        without: grouping === "without",
      };
    }
    case "binary": {
      const { op, left, right, isBool, matching } = expr;
      const areVectors = [left, right].every((side) => exprType(side) === "vector");
      return {
        type: "binaryExpr",
        op,
        lhs: exprObject(left),
        rhs: exprObject(right),
        matching: areVectors ? matchingObject(matching, isSetOp(op)) : null,
        bool: isBool,
      };
    }
    case "unary":
      return { type: "unaryExpr", op: expr.op, expr: exprObject(expr.expr) };
    case "paren":
      return { type: "parenExpr", expr: exprObject(expr.expr) };
  }
}

function selectorFields(selector: SelectorExpr): object {
  const { matchers } = selector;
  const [first] = matchers;
  const isNamed = first?.name === METRIC_NAME && first.type === "=";
  return {
    name: isNamed ? first.value : "",
    matchers: matchers.map(({ name, value, type }: Matcher) => ({ name, value, type })),
    ...timedFields(selector),
  };
}

function timedFields({ offsetMs, at }: Timed): object {
  return {
    offset: offsetMs,
    timestamp: at?.kind === "time" ? at.timeMs : null,
    startOrEnd: at === null || at.kind === "time" ? null : at.kind,
  };
}

function functionObject(name: string): object {
  const signature = FUNCTIONS.get(name);
  const { args = [], optional = 0, isVariadic = false, returns = "vector" } = signature ?? {};
  return { name, argTypes: args, variadic: isVariadic ? -1 : optional, returnType: returns };
}

const CARDS = {
  none: "one-to-one",
  left: "many-to-one",
  right: "one-to-many",
  both: "many-to-many",
};

function matchingObject({ many, labels, isOn, include }: VectorMatching, isSet: boolean): object {
  return { card: isSet ? CARDS.both : CARDS[many], labels, on: isOn, include };
}
