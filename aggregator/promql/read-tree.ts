import { strict as assert } from "node:assert";
import type { SyntaxNode } from "@lezer/common";
import type { Matcher } from "../../shared/model/columns.ts";
import { durationMs } from "../../shared/model/duration.ts";
import { aggregateOp, hasParameter } from "../query/aggregate.ts";
import { type BinaryOp, isSetOp, PLAIN_MATCHING, type VectorMatching } from "../query/operators.ts";
import { placeOf, queryError } from "../query/query-error.ts";
import type { AtTime, Expr, Timed } from "./ast.ts";
import { FUNCTIONS } from "./functions.ts";
import { readGroupingLabels, readMatchers, readString } from "./read-labels.ts";
import { durationSecondsOf, parseNumberText } from "./read-numbers.ts";
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
        return { kind: "selector", matchers: this.#matchers(node), offsetMs: 0, at: null, place };
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

  #matchers(node: SyntaxNode): Matcher[] {
    const name = node.getChild("Identifier");
    const inBraces = node.getChild("LabelMatchers");
    const metric = name === null ? null : this.#source(name);
    return readMatchers(this.#text, metric, inBraces, this.#place(node));
  }

  #matrix(selector: Expr, node: SyntaxNode): Expr {
    const { place } = selector;
    if (selector.kind !== "selector") {
      throw queryError(
        place,
        "[5m] goes behind a selector; behind another expression it must be [5m:]",
      );
    }
    if (selector.offsetMs !== 0 || selector.at !== null) {
      throw queryError(place, "offset and @ stand behind the range, not before it");
    }
    const rangeMs = this.#durationMs(only(node, "DurationExpr"));
    if (rangeMs <= 0) throw queryError(place, "a range must be longer than 0");
    return { kind: "matrix", selector, rangeMs, place };
  }

  #subquery(expr: Expr, node: SyntaxNode): Expr {
    const { place } = expr;
    const [range, step] = node.getChildren("DurationExpr");
    const rangeMs = this.#durationMs(range ?? node);
    const stepMs = step === undefined ? null : this.#durationMs(step);
    if (rangeMs <= 0) throw queryError(place, "a range must be longer than 0");
    if (stepMs !== null && stepMs <= 0) throw queryError(place, "a step must be longer than 0");
    return { kind: "subquery", expr, rangeMs, stepMs, offsetMs: 0, at: null, place };
  }

  #offset(expr: Expr, node: SyntaxNode): Expr {
    const offsetMs = this.#durationMs(only(node, "OffsetDurationExpr"));
    const target = timed(expr, "offset");
    if (target.offsetMs !== 0) throw queryError(expr.place, "offset may be given only once");
    return withTime(expr, { offsetMs });
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
    return { kind: "call", name, args: this.#arguments(node), place };
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
    if (node.getChild("FillModifier") !== null) throw queryError(place, "fill is not supported");
    const isBool = node.getChild("BoolModifier") !== null;
    const matching = this.#matching(node.getChild("MatchingModifierClause"), op);
    return { kind: "binary", op, left, right, isBool, matching, place: left.place };
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

  #durationMs(node: SyntaxNode): number {
    const milliseconds = Math.round(durationSecondsOf(this.#text, node) * 1000);
    if (Number.isSafeInteger(milliseconds)) return milliseconds;
    throw queryError(this.#place(node), `not a duration: "${this.#source(node)}"`);
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

/** A child that a tree without errors has for sure. */
function only(node: SyntaxNode, name: string): SyntaxNode {
  return node.getChild(name) ?? node;
}
