import type { Matcher } from "../../shared/model/columns.ts";
import {
  type Labels,
  labelsFrom,
  labelValue,
  METRIC_NAME,
  NO_LABELS,
} from "../../shared/model/labels.ts";
import { warnOfQuantiles } from "../query/aggregate-steps.ts";
import { type Grid, gridTime } from "../query/grid.ts";
import { queryError } from "../query/query-error.ts";
import {
  emptySeries,
  hasSample,
  type StepSeries,
  seriesOfValues,
  type Value,
  vectorOf,
} from "../query/step-series.ts";
import { WindowWalk } from "../query/windows.ts";
import { type CallExpr, type Expr, withoutParens } from "./ast.ts";
import { argument, scalarArguments, textArguments } from "./call-arguments.ts";
import { callHistogram } from "./call-histogram.ts";
import { exprType } from "./check.ts";
import type { Run } from "./context.ts";
import { applyPoints, isPointFunction } from "./instant-functions.ts";
import { labelJoin, labelReplace, sortByLabels, sortByValue } from "./label-functions.ts";
import { keepsName, rangeKernel } from "./range-functions.ts";
import { selectInstant } from "./select.ts";

/** The value of a function call over the grid. */
export async function callFunction(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const matrixArg = expr.args.find((arg) => exprType(arg) === "matrix");
  if (expr.name === "absent" || expr.name === "absent_over_time") return absent(run, expr, grid);
  if (matrixArg !== undefined) return overWindows(run, expr, matrixArg, grid);
  if (expr.name.startsWith("histogram_")) return callHistogram(run, expr, grid);
  if (isPointFunction(expr.name)) return points(run, expr, grid);
  return (await scalarFunction(run, expr, grid)) ?? vectorFunction(run, expr, grid);
}

async function scalarFunction(run: Run, expr: CallExpr, grid: Grid): Promise<Value | null> {
  const { startMs, endMs, stepMs } = run.context;
  switch (expr.name) {
    case "time":
      return timesOf(run, grid);
    case "pi":
      return constant(run, grid, Math.PI);
    case "start":
      return constant(run, grid, startMs / 1000);
    case "end":
      return constant(run, grid, endMs / 1000);
    case "range":
      return constant(run, grid, (endMs - startMs) / 1000);
    case "step":
      return constant(run, grid, stepMs / 1000);
    case "scalar":
      return scalarOf(run, await run.vector(argument(expr, 0), grid), grid);
    case "min_of":
    case "max_of":
      return extremeOf(run, expr, grid);
    default:
      return null;
  }
}

async function vectorFunction(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  if (expr.name === "vector") {
    return vectorOf([seriesOfValues(await run.scalar(argument(expr, 0), grid))]);
  }
  if (expr.name === "timestamp") return timestamp(run, expr, grid);
  const series = await run.vector(argument(expr, 0), grid);
  const texts = await textArguments(run, expr, grid);
  switch (expr.name) {
    case "label_replace":
      return vectorOf(labelReplace(expr, series, texts));
    case "label_join":
      return vectorOf(labelJoin(expr, series, texts));
    case "sort":
    case "sort_desc":
      warnOfSort(run, expr);
      return vectorOf(sortByValue(series, expr.name === "sort_desc"));
    case "sort_by_label":
    case "sort_by_label_desc":
      warnOfSort(run, expr);
      return vectorOf(sortByLabels(series, texts, expr.name === "sort_by_label_desc"));
    default:
      throw queryError(expr.place, `the function ${expr.name} is not supported`);
  }
}

function constant(run: Run, grid: Grid, value: number): Value {
  run.context.meter.hold(grid.count);
  return { kind: "scalar", values: new Float64Array(grid.count).fill(value) };
}

function timesOf(run: Run, grid: Grid): Extract<Value, { kind: "scalar" }> {
  run.context.meter.hold(grid.count);
  const values = new Float64Array(grid.count);
  for (let i = 0; i < grid.count; i += 1) values[i] = gridTime(grid, i) / 1000;
  return { kind: "scalar", values };
}

async function extremeOf(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const [left = new Float64Array(0), right] = await scalarArguments(run, expr, grid);
  const pick = expr.name === "min_of" ? Math.min : Math.max;
  return { kind: "scalar", values: left.map((value, i) => pick(value, right?.[i] ?? value)) };
}

/** NaN wherever there is not exactly one element. */
function scalarOf(run: Run, series: readonly StepSeries[], grid: Grid): Value {
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
    const now = seriesOfValues(timesOf(run, grid).values);
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
  const { values } = timesOf(run, grid);
  const series = await run.vector(arg, grid);
  return vectorOf(series.map((one) => ({ ...one, values: values.slice(), dropsName: true })));
}

function warnOfSort(run: Run, expr: CallExpr): void {
  if (run.context.stepMs === 0) return;
  const text = `${expr.name} has no effect in a range query: its result is ordered by labels`;
  run.context.remarks.warn(expr.place, text);
}

async function overWindows(run: Run, expr: CallExpr, matrixArg: Expr, grid: Grid): Promise<Value> {
  const { meter, remarks } = run.context;
  const matrix = await run.matrix(matrixArg, grid);
  const args = await scalarArguments(run, expr, grid);
  if (expr.name === "predict_linear") args.push(timesOf(run, grid).values.map((s) => s * 1000));
  if (expr.name === "quantile_over_time" && args[0] !== undefined && matrix.series.length > 0) {
    warnOfQuantiles(args[0], argument(expr, 0).place, remarks);
  }
  const walk = new WindowWalk(matrix, meter);
  const results: StepSeries[] = [];
  for (const series of matrix.series) {
    meter.hold(grid.count);
    const dropsName = series.dropsName || !keepsName(expr.name);
    const out = emptySeries(series.labels, dropsName, grid.count);
    await walk.run(series, rangeKernel(expr.name, series, matrix, args), out);
    if (!hasSample(out)) continue;
    results.push(out);
    if (expr.name === "rate" || expr.name === "increase")
      remarkOnCounter(run, matrixArg, series.labels);
  }
  return vectorOf(results);
}

/** Counters end in one of these by convention; a rate of anything else is mostly a mistake. */
const COUNTER_ENDING = /_(?:total|sum|count|bucket)$/;

function remarkOnCounter(run: Run, matrixArg: Expr, labels: Labels): void {
  const name = labelValue(labels, METRIC_NAME);
  if (name === "" || COUNTER_ENDING.test(name)) return;
  const text = `${name} may be no counter: its name ends in none of _total, _sum, _count, _bucket`;
  run.context.remarks.inform(matrixArg.place, text);
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
  const counted = await overWindows(
    run,
    { ...expr, name: "present_over_time" },
    argument(expr, 0),
    grid,
  );
  return counted.kind === "vector" ? counted.series : [];
}

/** Labels that the matchers fix; one that is matched in several ways is not among them. */
export function absentLabels(expr: Expr): Labels {
  const arg = withoutParens(expr);
  if (arg.kind === "matrix") return fixedLabels(arg.selector.matchers);
  return arg.kind === "selector" ? fixedLabels(arg.matchers) : NO_LABELS;
}

function fixedLabels(matchers: readonly Matcher[]): Labels {
  const seen = new Set<string>();
  const fixed = new Map<string, string>();
  for (const { name, type, value } of matchers) {
    if (name === METRIC_NAME) continue;
    if (type === "=" && !seen.has(name)) {
      fixed.set(name, value);
      seen.add(name);
    } else {
      fixed.delete(name);
    }
  }
  return labelsFrom(fixed);
}
