import type { SelectedSeries } from "../../shared/model/columns.ts";
import { aggregate, aggregateStream, isFolded } from "../query/aggregate.ts";
import { aggregateQuantile, aggregateSome, aggregateValues } from "../query/aggregate-steps.ts";
import { scalarBinary, setBinary, vectorBinary, vectorScalarBinary } from "../query/binary.ts";
import { type Grid, gridEnd, gridTimes } from "../query/grid.ts";
import { aggregateRatio } from "../query/label-ratio.ts";
import type { Meter } from "../query/meter.ts";
import { isSetOp } from "../query/operators.ts";
import { queryError } from "../query/query-error.ts";
import {
  emptySeries,
  heldColumns,
  type StepSeries,
  type Value,
  vectorOf,
} from "../query/step-series.ts";
import type { Matrix, MatrixSeries } from "../query/windows.ts";
import {
  type AggregateExpr,
  type BinaryExpr,
  type Expr,
  type SubqueryExpr,
  withoutParens,
} from "./ast.ts";
import { callFunction, windowStream } from "./call.ts";
import type { QueryContext, Run } from "./context.ts";
import { reachOf, selectSmoothed } from "./extended-ranges.ts";
import { invariance } from "./invariant.ts";
import { loadColumns, selectInstant, shiftedGrid, withoutStale } from "./select.ts";

/**
 * Evaluates a checked expression over all steps of a grid at once: every node yields whole columns,
 * one pass over each series. A value belongs to whoever asked for it.
 */
export class Evaluator implements Run {
  readonly context: QueryContext;
  readonly #isInvariant = invariance();

  constructor(context: QueryContext) {
    this.context = context;
  }

  async evaluate(expr: Expr, grid: Grid): Promise<Value> {
    if (grid.count > 1 && expr.kind !== "paren" && this.#isInvariant(expr)) {
      const value = await this.#evaluateKind(expr, { ...grid, count: 1 });
      return this.#repeat(value, grid.count);
    }
    return this.#evaluateKind(expr, grid);
  }

  async vector(expr: Expr, grid: Grid): Promise<StepSeries[]> {
    const value = await this.evaluate(expr, grid);
    if (value.kind !== "vector") throw queryError(expr.place, "expected an instant vector");
    return value.series;
  }

  async scalar(expr: Expr, grid: Grid): Promise<Float64Array> {
    const value = await this.evaluate(expr, grid);
    if (value.kind !== "scalar") throw queryError(expr.place, "expected a scalar");
    return value.values;
  }

  async matrix(expr: Expr, grid: Grid): Promise<Matrix> {
    const inner = withoutParens(expr);
    if (inner.kind === "subquery") return this.#subquery(inner, grid);
    if (inner.kind !== "matrix") throw queryError(expr.place, "expected a range vector");
    const { selector } = inner;
    const { beforeMs, afterMs } = reachOf(selector.extension, this.context.lookbackMs);
    const times = shiftedGrid(grid, selector, this.context);
    const ends = { ...times, startMs: times.startMs + afterMs };
    const rangeMs = inner.rangeMs + beforeMs + afterMs;
    const selected = await loadColumns(selector, ends, rangeMs, this.context);
    return { series: realSamples(selected, this.context.meter), ends, rangeMs };
  }

  async #evaluateKind(expr: Expr, grid: Grid): Promise<Value> {
    switch (expr.kind) {
      case "number":
        return { kind: "scalar", values: this.#column(grid.count).fill(expr.value) };
      case "string":
        return { kind: "string", text: expr.text };
      case "paren":
        return this.evaluate(expr.expr, grid);
      case "selector":
        return vectorOf(
          expr.extension === "smoothed"
            ? await selectSmoothed(expr, grid, this.context)
            : await selectInstant(expr, grid, "value", this.context),
        );
      case "call":
        return callFunction(this, expr, grid);
      case "aggregate":
        return vectorOf(await this.#aggregate(expr, grid));
      case "binary":
        return this.#binary(expr, grid);
      case "unary":
        return this.#unary(expr.op, await this.evaluate(expr.expr, grid));
      case "matrix":
      case "subquery":
        throw queryError(expr.place, "a range vector has no value of its own here");
    }
  }

  #unary(op: "-" | "+", value: Value): Value {
    if (op === "+") return value;
    if (value.kind === "scalar") negate(value.values);
    if (value.kind !== "vector") return value;
    for (const { values } of value.series) negate(values);
    return vectorOf(value.series.map((one) => ({ ...one, dropsName: true })));
  }

  async #binary(expr: BinaryExpr, grid: Grid): Promise<Value> {
    const { meter } = this.context;
    const left = await this.evaluate(expr.left, grid);
    const right = await this.evaluate(expr.right, grid);
    if (left.kind === "scalar" && right.kind === "scalar") {
      scalarBinary(expr, left.values, right.values);
      return left;
    }
    const isLeft = left.kind === "scalar";
    const [scalar, vector] = isLeft ? [left, right] : [right, left];
    if (scalar.kind === "scalar" && vector.kind === "vector") {
      const side = { values: scalar.values, isLeft };
      return vectorOf(await vectorScalarBinary(expr, vector.series, side, meter));
    }
    if (left.kind !== "vector" || right.kind !== "vector") {
      throw queryError(expr.place, `operator ${expr.op} takes scalars and instant vectors`);
    }
    const join = isSetOp(expr.op) ? setBinary : vectorBinary;
    return vectorOf(await join(expr, left.series, right.series, meter));
  }

  async #aggregate(expr: AggregateExpr, grid: Grid): Promise<StepSeries[]> {
    const { meter, remarks } = this.context;
    const stream = isFolded(expr.op) ? this.#stream(expr.expr, grid) : null;
    if (stream !== null) return aggregateStream({ expr, series: stream, steps: grid.count, meter });
    const series = await this.vector(expr.expr, grid);
    const run = { expr, series, steps: grid.count, meter };
    if (expr.param === null) return aggregate(run);
    if (expr.op === "count_values") {
      const name = await this.evaluate(expr.param, grid);
      return aggregateValues(run, name.kind === "string" ? name.text : "");
    }
    const param = await this.scalar(expr.param, grid);
    const { place } = withoutParens(expr.param);
    if (expr.op === "quantile") return aggregateQuantile(run, param, place, remarks);
    if (expr.op === "limit_ratio") return aggregateRatio(run, param, place, remarks);
    return aggregateSome(run, param);
  }

  /** Its series one by one, where they need not all be there at once; else null. */
  #stream(expr: Expr, grid: Grid): AsyncIterable<StepSeries> | null {
    const inner = withoutParens(expr);
    if (grid.count > 1 && this.#isInvariant(inner)) return null;
    return windowStream(this, inner, grid);
  }

  /** The inner expression at every multiple of the step within reach of a window. */
  async #subquery(expr: SubqueryExpr, grid: Grid): Promise<Matrix> {
    const { rangeMs } = expr;
    const ends = shiftedGrid(grid, expr, this.context);
    const stepMs = expr.stepMs ?? this.context.subqueryStepMs;
    const firstMs = (Math.floor((ends.startMs - rangeMs) / stepMs) + 1) * stepMs;
    const count = Math.floor((gridEnd(ends) - firstMs) / stepMs) + 1;
    if (count < 1) return { series: [], ends, rangeMs };
    this.context.meter.hold(count);
    const times = { startMs: firstMs, stepMs, count };
    const inner = await this.vector(expr.expr, times);
    const all = gridTimes(times);
    const series = inner.map((one) => ({ ...heldColumns(one, all), dropsName: one.dropsName }));
    return { series, ends, rangeMs };
  }

  #column(steps: number): Float64Array {
    this.context.meter.hold(steps);
    return new Float64Array(steps);
  }

  /** One step's value at every one of `steps`. */
  #repeat(value: Value, steps: number): Value {
    if (value.kind === "string") return value;
    if (value.kind === "scalar") {
      return { kind: "scalar", values: this.#column(steps).fill(value.values[0] ?? Number.NaN) };
    }
    return vectorOf(
      value.series.map((one) => {
        this.context.meter.hold(steps);
        const wide = emptySeries(one.labels, one.dropsName, steps);
        wide.values.fill(one.values[0] ?? 0);
        wide.present.fill(one.present[0] ?? 0);
        return wide;
      }),
    );
  }
}

/** Of a range vector, series by series, as they are taken. */
async function* realSamples(selected: SelectedSeries, meter: Meter): AsyncIterable<MatrixSeries> {
  for await (const one of selected) {
    meter.hold(one.times.length);
    const { labels, times, values } = withoutStale(one);
    if (meter.work(one.times.length)) await meter.rest();
    yield { labels, times, values, dropsName: false };
  }
}

function negate(values: Float64Array): void {
  for (let i = 0; i < values.length; i += 1) values[i] = -(values[i] ?? 0);
}
