import { decimalText } from "../../shared/model/go-number.ts";
import { type Labels, labelValue, METRIC_NAME, NO_LABELS } from "../../shared/model/labels.ts";
import { warnOfQuantiles } from "../query/aggregate-steps.ts";
import { fixedLabels } from "../query/fixed-labels.ts";
import { type Grid, gridTime } from "../query/grid.ts";
import { labelReplace, sortByValue } from "../query/label-functions.ts";
import { queryError } from "../query/query-error.ts";
import type { Remarks } from "../query/result.ts";
import {
  emptySeries,
  hasSample,
  type StepSeries,
  seriesOfValues,
  type Value,
  vectorOf,
} from "../query/step-series.ts";
import { type MatrixSeries, WindowWalk } from "../query/windows.ts";
import { type CallExpr, type Expr, withoutParens } from "./ast.ts";
import { argument, scalarArguments, textArguments } from "./call-arguments.ts";
import { callHistogram } from "./call-histogram.ts";
import { exprType } from "./check.ts";
import type { QueryContext, Run } from "./context.ts";
import { callInfo } from "./enrich.ts";
import { checkExtension, extendedKernel, extensionOf, reachOf } from "./extended-ranges.ts";
import { applyPoints, isPointFunction } from "./instant-functions.ts";
import { labelJoin, sortByLabels } from "./label-functions.ts";
import { keepsName, rangeKernel } from "./range-functions.ts";
import { selectInstant } from "./select.ts";

type Call = (run: Run, expr: CallExpr, grid: Grid) => Value | Promise<Value>;

/** Functions that are neither of one value (instant-functions.ts) nor of a window (range-functions.ts). */
const CALLS = new Map<string, Call>([
  ["absent", absent],
  ["absent_over_time", absent],
  ["histogram_fraction", callHistogram],
  ["histogram_quantile", callHistogram],
  ["histogram_quantiles", callHistogram],
  ["info", callInfo],
  ["time", timesOf],
  ["pi", constant(() => Math.PI)],
  ["start", constant(({ startMs }) => startMs / 1000)],
  ["end", constant(({ endMs }) => endMs / 1000)],
  ["range", constant(({ startMs, endMs }) => (endMs - startMs) / 1000)],
  ["step", constant(({ stepMs }) => stepMs / 1000)],
  ["scalar", scalarOf],
  ["min_of", extremeOf(Math.min)],
  ["max_of", extremeOf(Math.max)],
  ["vector", vectorOfScalar],
  ["timestamp", timestamp],
  ["label_replace", onSeries((expr, series, texts) => labelReplace(expr.place, series, texts))],
  ["label_join", onSeries(labelJoin)],
  ["sort", sorting((series) => sortByValue(series, 1))],
  ["sort_desc", sorting((series) => sortByValue(series, -1))],
  ["sort_by_label", sorting((series, names) => sortByLabels(series, names, 1))],
  ["sort_by_label_desc", sorting((series, names) => sortByLabels(series, names, -1))],
]);

/** The value of a function call over the grid. */
export async function callFunction(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const call = CALLS.get(expr.name) ?? (isPointFunction(expr.name) ? points : overWindows);
  return call(run, expr, grid);
}

/** Of the first argument and the texts among the others. */
function onSeries(
  work: (expr: CallExpr, series: StepSeries[], texts: readonly string[]) => StepSeries[],
): Call {
  return async (run, expr, grid) => {
    const series = await run.vector(argument(expr, 0), grid);
    return vectorOf(work(expr, series, textArguments(expr)));
  };
}

const SORTED_IN_VAIN =
  "sort is ineffective for range queries since results are always ordered by labels";

function sorting(
  sort: (series: readonly StepSeries[], names: readonly string[]) => StepSeries[],
): Call {
  const call = onSeries((_, series, names) => sort(series, names));
  return async (run, expr, grid) => {
    const sorted = await call(run, expr, grid);
    const { stepMs, remarks } = run.context;
    if (stepMs > 0) remarks.warn(expr.place, SORTED_IN_VAIN);
    return sorted;
  };
}

function constant(of: (query: QueryContext) => number): Call {
  return ({ context }, _, grid) => {
    context.meter.hold(grid.count);
    return { kind: "scalar", values: new Float64Array(grid.count).fill(of(context)) };
  };
}

function timesOf(run: Run, _: CallExpr, grid: Grid): Extract<Value, { kind: "scalar" }> {
  run.context.meter.hold(grid.count);
  const values = new Float64Array(grid.count);
  for (let i = 0; i < grid.count; i += 1) values[i] = gridTime(grid, i) / 1000;
  return { kind: "scalar", values };
}

function extremeOf(pick: (a: number, b: number) => number): Call {
  return async (run, expr, grid) => {
    const [left = new Float64Array(0), right] = await scalarArguments(run, expr, grid);
    return { kind: "scalar", values: left.map((value, i) => pick(value, right?.[i] ?? value)) };
  };
}

async function vectorOfScalar(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  return vectorOf([seriesOfValues(await run.scalar(argument(expr, 0), grid))]);
}

/** NaN wherever there is not exactly one element. */
async function scalarOf(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const series = await run.vector(argument(expr, 0), grid);
  run.context.meter.hold(grid.count);
  const values = new Float64Array(grid.count).fill(Number.NaN);
  const counts = new Uint32Array(grid.count);
  for (const one of series) {
    for (let i = 0; i < grid.count; i += 1) {
      if (one.present[i] !== 1) continue;
      counts[i] = (counts[i] ?? 0) + 1;
      values[i] = counts[i] === 1 ? (one.values[i] ?? 0) : Number.NaN;
    }
  }
  return { kind: "scalar", values };
}

async function points(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const [first] = expr.args;
  if (first === undefined) {
    const now = seriesOfValues(timesOf(run, expr, grid).values);
    return vectorOf(await applyPoints(expr.name, [now], [], run.context.meter));
  }
  const series = await run.vector(first, grid);
  const args = await scalarArguments(run, expr, grid);
  const result = await applyPoints(expr.name, series, args, run.context.meter);
  return vectorOf(result.filter(hasSample));
}

/** The time of a selected sample; of any other element, that of the step. */
async function timestamp(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const arg = withoutParens(argument(expr, 0));
  if (arg.kind === "selector") {
    const series = await selectInstant(arg, grid, "time", run.context);
    return vectorOf(series.map((one) => ({ ...one, dropsName: true })));
  }
  const { values } = timesOf(run, expr, grid);
  const series = await run.vector(arg, grid);
  return vectorOf(series.map((one) => ({ ...one, values: values.slice(), dropsName: true })));
}

async function overWindows(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const { meter } = run.context;
  const make = (labels: Labels, dropsName: boolean) => {
    meter.hold(grid.count);
    return emptySeries(labels, dropsName, grid.count);
  };
  const results: StepSeries[] = [];
  for await (const one of windowSeries(run, expr, grid, make)) results.push(one);
  return vectorOf(results);
}

/**
 * The elements of a range function, series by series, for what needs one at a time: the columns of a
 * series are valid until the next one is taken. Null: the expression is no such function.
 */
export function windowStream(run: Run, expr: Expr, grid: Grid): AsyncIterable<StepSeries> | null {
  const isOverWindows =
    expr.kind === "call" && !CALLS.has(expr.name) && !isPointFunction(expr.name);
  if (!isOverWindows) return null;
  run.context.meter.hold(grid.count);
  const { values, present } = emptySeries(NO_LABELS, false, grid.count);
  return windowSeries(run, expr, grid, (labels, dropsName) => {
    present.fill(0);
    return { labels, dropsName, values, present };
  });
}

async function* windowSeries(
  run: Run,
  expr: CallExpr,
  grid: Grid,
  make: (labels: Labels, dropsName: boolean) => StepSeries,
): AsyncIterable<StepSeries> {
  const { meter, remarks } = run.context;
  const matrixArg = expr.args.find((arg) => exprType(arg) === "matrix") ?? argument(expr, 0);
  const matrix = await run.matrix(matrixArg, grid);
  const args = await scalarArguments(run, expr, grid);
  if (expr.name === "predict_linear") {
    args.push(timesOf(run, expr, grid).values.map((s) => s * 1000));
  }
  const extension = extensionOf(matrixArg);
  if (extension !== null) checkExtension(expr.name, extension, expr.place);
  const kernelOf = (series: MatrixSeries) => {
    if (extension === null) return rangeKernel(expr.name, series, matrix, args);
    const reach = reachOf(extension, run.context.lookbackMs);
    return extendedKernel(expr.name, series, matrix, extension, reach);
  };
  const walk = new WindowWalk(matrix, meter);
  const isOfCounter = expr.name === "rate" || expr.name === "increase";
  let isFirst = true;
  for await (const series of matrix.series) {
    if (isFirst) checkArguments(expr, args, remarks);
    isFirst = false;
    const out = make(series.labels, series.dropsName || !keepsName(expr.name));
    await walk.run(series, kernelOf(series), out);
    if (!hasSample(out)) continue;
    if (isOfCounter) remarkOnCounter(run, matrixArg, series.labels);
    yield out;
  }
}

/** Once there is a series. @throws OperationalError QUERY */
function checkArguments(expr: CallExpr, args: readonly Float64Array[], remarks: Remarks): void {
  checkFactors(expr, args);
  if (expr.name !== "quantile_over_time" || args[0] === undefined) return;
  warnOfQuantiles(args[0], withoutParens(argument(expr, 0)).place, remarks);
}

/** @throws OperationalError QUERY for factors of a smoothing that are not between 0 and 1 */
function checkFactors(expr: CallExpr, args: readonly Float64Array[]): void {
  if (expr.name !== "double_exponential_smoothing") return;
  for (const [i, factor] of ["smoothing", "trend"].entries()) {
    const wrong = args[i]?.find((value) => value <= 0 || value >= 1);
    if (wrong === undefined) continue;
    const message = `the ${factor} factor must lie between 0 and 1, found ${decimalText(wrong)}`;
    throw queryError(expr.place, message);
  }
}

/** Counters end in one of these by convention; a rate of anything else is mostly a mistake. */
const COUNTER_ENDING = /_(?:total|sum|count|bucket)$/;

function remarkOnCounter(run: Run, matrixArg: Expr, labels: Labels): void {
  const name = labelValue(labels, METRIC_NAME);
  if (name === "" || COUNTER_ENDING.test(name)) return;
  const text = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
  const { place } = withoutParens(matrixArg);
  run.context.remarks.inform(place, `${text}: ${JSON.stringify(name)}`);
}

/** 1 at the steps where nothing is there, with the labels that the selector says it would have. */
async function absent(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const arg = withoutParens(argument(expr, 0));
  const out = emptySeries(absentLabels(arg), true, grid.count);
  out.values.fill(1);
  out.present.fill(1);
  for (const { present } of await presenceIn(run, expr, grid)) {
    for (let i = 0; i < grid.count; i += 1) if (present[i] === 1) out.present[i] = 0;
  }
  return vectorOf(hasSample(out) ? [out] : []);
}

async function presenceIn(run: Run, expr: CallExpr, grid: Grid): Promise<StepSeries[]> {
  if (expr.name === "absent") return run.vector(argument(expr, 0), grid);
  const counted = await overWindows(run, { ...expr, name: "present_over_time" }, grid);
  return counted.kind === "vector" ? counted.series : [];
}

/** Labels that the selector fixes. */
export function absentLabels(expr: Expr): Labels {
  const arg = withoutParens(expr);
  if (arg.kind === "matrix") return fixedLabels(arg.selector.matchers);
  return arg.kind === "selector" ? fixedLabels(arg.matchers) : NO_LABELS;
}
