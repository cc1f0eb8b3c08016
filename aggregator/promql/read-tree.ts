import { strict as assert } from "node:assert";
import type { SyntaxNode } from "@lezer/common";
import { durationMs } from "../../shared/model/duration.ts";
import { aggregateOp, hasParameter } from "../query/aggregate.ts";
import {
  type BinaryOp,
  type Fill,
  isSetOp,
  PLAIN_MATCHING,
  type VectorMatching,
} from "../query/operators.ts";
import { placeOf, queryError } from "../query/query-error.ts";
import type { AtTime, Expr, Extension, SelectorExpr, Timed, Written } from "./ast.ts";
import { dependsOnQuery, durationOf, positive } from "./durations.ts";
import { FUNCTIONS } from "./functions.ts";
import { readGroupingLabels, readMatchers, readString, refuseEverything } from "./read-labels.ts";
import { parseNumberText, readDuration } from "./read-numbers.ts";
import { type Item, layOut, SIGN_PRECEDENCE, unsupported } from "./read-operators.ts";

/** Deepest nesting of expressions: what walks them is recursive. */
const DEPTH_MAX = 1000;

/** Turns the parser's tree, which must be free of error nodes, into our expressions. */
export class ExprReader {
  readonly #text: string;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @throws OperationalError QUERY for a literal or a combination that PromQL does not allow */
  read(node: SyntaxNode): Expr {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) {
      throw queryError(this.#place(node), `nested more than ${DEPTH_MAX} expressions deep`);
    }
    const expr = this.#bind(layOut(node, this.#text).reverse(), 0);
    this.#depth -= 1;
    return expr;
  }

  /**
   * Takes items, of which the next is the last, up to an operator of a precedence below `least`.
   * All operators but `^` bind to the left.
   */
  #bind(items: Item[], least: number): Expr {
    let left = this.#operand(items);
    for (;;) {
      const item = items.at(-1);
      if (item?.kind !== "operator" || item.precedence < least) return left;
      items.pop();
      const { op, precedence, node } = item;
      const right = this.#bind(items, op === "^" ? precedence : precedence + 1);
      left = this.#binary(op, left, right, node);
    }
  }

  #operand(items: Item[]): Expr {
    const item = items.pop();
    if (item?.kind === "sign") {
      return this.#sign(item.sign, this.#bind(items, SIGN_PRECEDENCE + 1), item.node);
    }
    assert(item?.kind === "operand", "operands and operators alternate");
    let expr = this.#readKind(item.node);
    for (const suffix of item.suffixes) expr = this.#suffix(expr, suffix);
    return expr;
  }

  #readKind(node: SyntaxNode): Expr {
    const place = this.#place(node);
    switch (node.name) {
      case "NumberDurationLiteral":
        return this.#number(node);
      case "StringLiteral":
        return { kind: "string", text: readString(this.#text, node, place), place };
      case "VectorSelector":
        return this.#selector(node, "refused");
      case "FunctionCall":
        return this.#call(node);
      case "AggregateExpr":
        return this.#aggregate(node);
      case "ParenExpr":
        return { kind: "paren", expr: this.read(node.getChild("Expr") ?? node), place };
      default:
        throw unsupported(node, this.#text);
    }
  }

  #suffix(expr: Expr, node: SyntaxNode): Expr {
    switch (node.name) {
      case "MatrixSelector":
        return this.#matrix(expr, node);
      case "SubqueryExpr":
        return this.#subquery(expr, node);
      case "OffsetExpr":
        return this.#offset(expr, node);
      case "AnchoredExpr":
        return extended(expr, "anchored");
      case "SmoothedExpr":
        return extended(expr, "smoothed");
      default:
        return this.#at(expr, node);
    }
  }

  #sign(sign: "-" | "+", operand: Expr, node: SyntaxNode): Expr {
    const place = this.#place(node);
    if (operand.kind !== "number") return { kind: "unary", op: sign, expr: operand, place };
    return { ...operand, value: sign === "-" ? -operand.value : operand.value, place };
  }

  #number(node: SyntaxNode): Expr {
    const source = this.#source(node);
    const digits = source.replace(/^[+-]\s*/, "");
    const value = parseNumberText(digits);
    if (value === null) throw queryError(this.#place(node), `not a number: "${source}"`);
    const isDuration = durationMs(digits) !== null;
    return { kind: "number", value, isDuration, place: this.#place(node) };
  }

  #selector(node: SyntaxNode, everything: "refused" | "allowed"): SelectorExpr {
    const name = node.getChild("Identifier");
    const inBraces = node.getChild("LabelMatchers");
    const metric = name === null ? null : this.#source(name);
    const place = this.#place(node);
    const matchers = readMatchers(this.#text, metric, inBraces, place);
    if (everything === "refused") refuseEverything(matchers, place);
    const time = { offsetMs: 0, offset: null, at: null };
    return { kind: "selector", matchers, extension: null, ...time, place };
  }

  #matrix(selector: Expr, node: SyntaxNode): Expr {
    const { place } = selector;
    if (selector.kind !== "selector") {
      throw queryError(
        place,
        "[5m] goes behind a selector; behind another expression it must be [5m:]",
      );
    }
    if (selector.offsetMs !== 0 || selector.offset !== null || selector.at !== null) {
      throw queryError(place, "offset and @ stand behind the range, not before it");
    }
    const { ms: rangeMs, written: range } = this.#positive(only(node, "DurationExpr"), "a range");
    return { kind: "matrix", selector, rangeMs, range, place };
  }

  #subquery(expr: Expr, node: SyntaxNode): Expr {
    const { place } = expr;
    const [rangeNode = node, stepNode] = node.getChildren("DurationExpr");
    const { ms: rangeMs, written: range } = this.#positive(rangeNode, "a range");
    const step = stepNode === undefined ? null : this.#positive(stepNode, "a step");
    return {
      kind: "subquery",
      expr,
      rangeMs,
      range,
      stepMs: step?.ms ?? null,
      step: step?.written ?? null,
      offsetMs: 0,
      offset: null,
      at: null,
      place,
    };
  }

  #offset(expr: Expr, node: SyntaxNode): Expr {
    const { ms: offsetMs, written: offset } = this.#duration(only(node, "OffsetDurationExpr"));
    const target = timed(expr, "offset");
    if (target.offsetMs !== 0 || target.offset !== null) {
      throw queryError(expr.place, "offset may be given only once");
    }
    return withTime(expr, { offsetMs, offset });
  }

  #at(expr: Expr, node: SyntaxNode): Expr {
    const target = timed(expr, "@");
    if (target.at !== null) throw queryError(expr.place, "@ may be given only once");
    return withTime(expr, { at: this.#atTime(node) });
  }

  #atTime(node: SyntaxNode): AtTime {
    const named = node.getChild("AtModifierPreprocessors");
    if (named !== null) {
      return { kind: this.#source(named).toLowerCase().startsWith("start") ? "start" : "end" };
    }
    const time = this.read(node.getChildren("NumberDurationLiteral").at(-1) ?? node);
    if (time.kind !== "number" || !Number.isFinite(time.value)) {
      throw queryError(this.#place(node), "the time behind @ must be a finite number of seconds");
    }
    return { kind: "time", timeMs: Math.round(time.value * 1000) };
  }

  #call(node: SyntaxNode): Expr {
    const name = this.#source(only(node, "FunctionIdentifier"));
    const place = this.#place(node);
    if (!FUNCTIONS.has(name)) throw queryError(place, `the function ${name} is not supported`);
    const args = name === "info" ? this.#infoArguments(node) : this.#arguments(node);
    return { kind: "call", name, args, place };
  }

  /** The second is no vector, but matchers for labels: they may select everything. */
  #infoArguments(node: SyntaxNode): Expr[] {
    const [first, labels, ...rest] = only(node, "FunctionCallBody").getChildren("Expr");
    const args = [first, ...rest].flatMap((one) => (one === undefined ? [] : [this.read(one)]));
    if (labels === undefined) return args;
    if (labels.name !== "VectorSelector" || labels.getChild("Identifier") !== null) {
      const message = 'argument 2 of info must be label matchers such as {job="node"}';
      throw queryError(this.#place(labels), message);
    }
    args.splice(1, 0, this.#selector(labels, "allowed"));
    return args;
  }

  #aggregate(node: SyntaxNode): Expr {
    const place = this.#place(node);
    const name = this.#source(only(node, "AggregateOp"));
    const op = aggregateOp(name.toLowerCase());
    if (op === undefined) throw queryError(place, `the aggregation ${name} is not supported`);
    const args = this.#arguments(node);
    const hasParam = hasParameter(op);
    const [first, second] = args;
    const expr = hasParam ? second : first;
    if (expr === undefined || first === undefined || args.length !== (hasParam ? 2 : 1)) {
      const wanted = hasParam ? "a parameter and a vector" : "one vector";
      throw queryError(place, `${op} takes ${wanted}, found ${args.length} arguments`);
    }
    const modifier = node.getChild("AggregateModifier");
    const grouping = modifier?.getChild("Without") ? "without" : "by";
    const labels = readGroupingLabels(this.#text, modifier?.getChild("GroupingLabels") ?? null);
    return { kind: "aggregate", op, param: hasParam ? first : null, expr, grouping, labels, place };
  }

  #arguments(node: SyntaxNode): Expr[] {
    const body = only(node, "FunctionCallBody");
    return body.getChildren("Expr").map((child) => this.read(child));
  }

  #binary(op: BinaryOp, left: Expr, right: Expr, node: SyntaxNode): Expr {
    const place = this.#place(node);
    const isBool = node.getChild("BoolModifier") !== null;
    const fill = this.#fill(node.getChild("FillModifier"));
    if (fill !== null && isSetOp(op)) throw queryError(place, `${op} takes no fill`);
    const clause = node.getChild("MatchingModifierClause");
    const matching = { ...this.#matching(clause, op), fill };
    return { kind: "binary", op, left, right, isBool, matching, place: left.place };
  }

  #fill(modifier: SyntaxNode | null): Fill | null {
    if (modifier === null) return null;
    const valueIn = (clause: string): number | null => {
      const literal = modifier.getChild(clause)?.getChild("NumberDurationLiteral") ?? null;
      if (literal === null) return null;
      const number = this.#number(literal);
      assert(number.kind === "number");
      return this.#text[literal.from] === "-" ? -number.value : number.value;
    };
    const both = valueIn("FillClause");
    return {
      one: both ?? valueIn("FillRightClause"),
      many: both ?? valueIn("FillLeftClause"),
    };
  }

  #matching(clause: SyntaxNode | null, op: BinaryOp): VectorMatching {
    const plainMany = isSetOp(op) ? "both" : "none";
    if (clause === null) return { ...PLAIN_MATCHING, many: plainMany };
    const [labels, include] = clause.getChildren("GroupingLabels");
    const isLeft = clause.getChild("GroupLeft") !== null;
    const isRight = clause.getChild("GroupRight") !== null;
    if (isSetOp(op) && (isLeft || isRight)) {
      throw queryError(this.#place(clause), `${op} takes no group_left or group_right`);
    }
    return {
      isOn: clause.getChild("On") !== null,
      labels: readGroupingLabels(this.#text, labels ?? null),
      many: isLeft ? "left" : isRight ? "right" : plainMany,
      include: readGroupingLabels(this.#text, include ?? null),
    };
  }

  #positive(node: SyntaxNode, what: string): { ms: number; written: Written } {
    const duration = this.#duration(node);
    const isKnown = duration.written === null || !dependsOnQuery(duration.written);
    if (isKnown) positive(duration.ms, what, this.#place(node));
    return duration;
  }

  /** Milliseconds; 0 where they depend on the query. `written` is null for a number. */
  #duration(node: SyntaxNode): { ms: number; written: Written } {
    const place = this.#place(node);
    const expr = readDuration(this.#text, node);
    const number = expr.kind === "sign" ? expr.of : expr;
    if (number.kind === "number") {
      const size = Math.round(number.seconds * 1000);
      const ms = expr.kind === "sign" && expr.sign === "-" ? -size : size;
      if (Number.isSafeInteger(ms)) return { ms, written: null };
      throw queryError(place, `not a duration: "${this.#source(node)}"`);
    }
    if (dependsOnQuery(expr)) return { ms: 0, written: expr };
    return { ms: durationOf(expr, { startMs: 0, endMs: 0, stepMs: 0 }, place), written: expr };
  }

  #place(node: SyntaxNode): string {
    return placeOf(this.#text, node.from);
  }

  #source(node: SyntaxNode): string {
    return this.#text.slice(node.from, node.to);
  }
}

function timed(expr: Expr, word: string): Timed {
  if (expr.kind === "matrix") return expr.selector;
  if (expr.kind === "selector" || expr.kind === "subquery") return expr;
  throw queryError(expr.place, `${word} goes behind a selector, a range or a subquery`);
}

function withTime(expr: Expr, time: Partial<Timed>): Expr {
  if (expr.kind === "matrix") return { ...expr, selector: { ...expr.selector, ...time } };
  return expr.kind === "selector" || expr.kind === "subquery" ? { ...expr, ...time } : expr;
}

/** `anchored` or `smoothed` behind a selector or its range. */
function extended(expr: Expr, extension: Extension): Expr {
  const selector = expr.kind === "matrix" ? expr.selector : expr;
  if (selector.kind !== "selector") {
    throw queryError(expr.place, `${extension} goes behind a selector or its range`);
  }
  if (selector.extension !== null) {
    throw queryError(expr.place, "anchored or smoothed may be given only once");
  }
  const extendedSelector = { ...selector, extension };
  return expr.kind === "matrix" ? { ...expr, selector: extendedSelector } : extendedSelector;
}

/** A child that a tree without errors has for sure. */
function only(node: SyntaxNode, name: string): SyntaxNode {
  return node.getChild(name) ?? node;
}
