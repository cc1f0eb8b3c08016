import { aggregate } from "../query/aggregate.ts";
import { aggregateSome } from "../query/aggregate-steps.ts";
import { scalarBinary, setBinary, vectorBinary, vectorScalarBinary } from "../query/binary.ts";
import type { Grid } from "../query/grid.ts";
import { labelReplace, sortByValue } from "../query/label-functions.ts";
import { isSetOp } from "../query/operators.ts";
import { queryError } from "../query/query-error.ts";
import { type StepSeries, seriesOfValues, type Value, vectorOf } from "../query/step-series.ts";
import type { AggregateExpr, BinaryExpr, Grouping, MetricExpr, RangeOp } from "./ast.ts";
import { aggregateRange, type MetricRun } from "./range-aggregate.ts";

/**
 * Evaluates a metric query over all steps of a grid at once. A value belongs to whoever asked for it.
 * @throws OperationalError QUERY, LIMIT; the signal's reason when aborted
 */
export async function evaluateMetric(expr: MetricExpr, grid: Grid, run: MetricRun): Promise<Value> {
  switch (expr.kind) {
    case "number":
      return { kind: "scalar", values: column(expr.value, grid, run) };
    case "vector":
      return vectorOf([seriesOfValues(column(expr.value, grid, run))]);
    case "range":
      return vectorOf(await aggregateRange(expr, grid, expr.grouping, run));
    case "aggregate":
      return vectorOf(await aggregated(expr, grid, run));
    case "binary":
      return binary(expr, grid, run);
    case "sort": {
      if (grid.count > 1) {
        const text = "sort has no effect in a range query: its result is ordered by labels";
        run.remarks.warn(expr.place, text);
      }
      const series = await vector(expr.expr, grid, run);
      return vectorOf(sortByValue(series, expr.isDescending ? -1 : 1));
    }
    case "label_replace": {
      const series = await vector(expr.expr, grid, run);
      return vectorOf(labelReplace(expr.place, series, expr.texts));
    }
  }
}

/** Whether the order of the result is that of the values. */
export function ordersItself(expr: MetricExpr): boolean {
  if (expr.kind === "sort") return true;
  return expr.kind === "aggregate" && (expr.op === "topk" || expr.op === "bottomk");
}

function column(value: number, grid: Grid, { meter }: MetricRun): Float64Array {
  meter.meter.hold(grid.count);
  return new Float64Array(grid.count).fill(value);
}

async function vector(expr: MetricExpr, grid: Grid, run: MetricRun): Promise<StepSeries[]> {
  const value = await evaluateMetric(expr, grid, run);
  if (value.kind === "vector") return value.series;
  throw queryError(expr.place, "expected series, found a number");
}

/** What adds up: the sum over two series is what it would be over their lines together. */
const ADDITIVE: ReadonlySet<RangeOp> = new Set([
  "bytes_over_time",
  "bytes_rate",
  "count_over_time",
  "rate",
  "sum_over_time",
]);

/**
 * A `sum` of what adds up gets its lines grouped already: `sum by (status) (rate({…} | json [1m]))`
 * would else make a series for each set of labels that the lines have.
 */
function groupingWithin({ op, grouping, labels, expr }: AggregateExpr): Grouping | null {
  if (op !== "sum" || expr.kind !== "range" || !ADDITIVE.has(expr.op)) return null;
  return { grouping, labels };
}

async function aggregated(expr: AggregateExpr, grid: Grid, run: MetricRun): Promise<StepSeries[]> {
  const within = groupingWithin(expr);
  const series =
    within !== null && expr.expr.kind === "range"
      ? await aggregateRange(expr.expr, grid, within, run)
      : await vector(expr.expr, grid, run);
  const aggregation = { expr, series, steps: grid.count, meter: run.meter.meter };
  if (expr.param === null) return aggregate(aggregation);
  return aggregateSome(aggregation, column(expr.param, grid, run));
}

async function binary(expr: BinaryExpr, grid: Grid, run: MetricRun): Promise<Value> {
  const { meter } = run.meter;
  const left = await evaluateMetric(expr.left, grid, run);
  const right = await evaluateMetric(expr.right, grid, run);
  if (left.kind === "scalar" && right.kind === "scalar") {
    scalarBinary(expr, left.values, right.values);
    return left;
  }
  const isLeft = left.kind === "scalar";
  const [scalar, series] = isLeft ? [left, right] : [right, left];
  if (scalar.kind === "scalar" && series.kind === "vector") {
    const side = { values: scalar.values, isLeft };
    return vectorOf(await vectorScalarBinary(expr, series.series, side, meter));
  }
  if (left.kind !== "vector" || right.kind !== "vector") {
    throw queryError(expr.place, `operator ${expr.op} takes numbers and series`);
  }
  const join = isSetOp(expr.op) ? setBinary : vectorBinary;
  return vectorOf(await join(expr, left.series, right.series, meter));
}
