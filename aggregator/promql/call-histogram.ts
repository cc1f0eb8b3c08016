import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { decimalText, parseGoNumber } from "../../shared/model/go-number.ts";
import {
  dropLabels,
  type Labels,
  labelsKey,
  labelValue,
  METRIC_NAME,
  withLabel,
} from "../../shared/model/labels.ts";
import { warnOfQuantiles } from "../query/aggregate-steps.ts";
import type { Grid } from "../query/grid.ts";
import { queryError } from "../query/query-error.ts";
import {
  emptySeries,
  hasSample,
  mergeEqual,
  type StepSeries,
  type Value,
  vectorOf,
} from "../query/step-series.ts";
import { type CallExpr, withoutParens } from "./ast.ts";
import { argument, scalarArguments, textArguments } from "./call-arguments.ts";
import { exprType } from "./check.ts";
import type { Run } from "./context.ts";
import { type Bucket, type BucketResult, bucketFraction, bucketQuantile } from "./histogram.ts";

/** The series of one classic histogram: all its labels but `le` are equal. */
type Histogram = {
  readonly labels: Labels;
  readonly bounds: number[];
  readonly series: StepSeries[];
};

type Measure = (buckets: readonly Bucket[], step: number) => BucketResult;

/** histogram_quantile, histogram_quantiles, histogram_fraction on classic histograms. */
export async function callHistogram(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const vectorArg = expr.args.find((arg) => exprType(arg) === "vector") ?? argument(expr, 0);
  const series = await run.vector(vectorArg, grid);
  const args = await scalarArguments(run, expr, grid);
  const histograms = groupBuckets(run, series, withoutParens(vectorArg).place);
  const at = (column: Float64Array | undefined, step: number): number =>
    column?.[step] ?? Number.NaN;
  if (expr.name === "histogram_fraction") {
    const measure: Measure = (buckets, i) =>
      bucketFraction(at(args[0], i), at(args[1], i), buckets);
    return vectorOf(await measureAll(run, expr, histograms, grid, measure));
  }
  const results: StepSeries[] = [];
  const [name] = textArguments(expr);
  const places = expr.args.flatMap((arg) => (exprType(arg) === "scalar" ? [arg.place] : []));
  for (const [i, column] of args.entries()) {
    warnOfQuantiles(column, places[i] ?? expr.place, run.context.remarks);
    const measure: Measure = (buckets, step) => bucketQuantile(at(column, step), buckets);
    const labelled = name === undefined ? histograms : labelWith(histograms, name, column, expr);
    results.push(...(await measureAll(run, expr, labelled, grid, measure)));
  }
  return vectorOf(mergeEqual(results, expr.place));
}

function labelWith(
  histograms: readonly Histogram[],
  name: string,
  column: Float64Array,
  expr: CallExpr,
): Histogram[] {
  const text = decimalText(column[0] ?? Number.NaN);
  return histograms.map((histogram) => {
    if (labelValue(histogram.labels, name) !== "") {
      throw queryError(expr.place, `label "${name}" is there already`);
    }
    return { ...histogram, labels: withLabel(histogram.labels, name, text) };
  });
}

function groupBuckets(run: Run, series: readonly StepSeries[], place: string): Histogram[] {
  const histograms = new Map<string, Histogram>();
  const withoutBound: ReadonlySet<string> = new Set(["le"]);
  for (const one of series) {
    const text = labelValue(one.labels, "le");
    const bound = parseGoNumber(text);
    if (bound === null || Number.isNaN(bound)) {
      const name = labelValue(one.labels, METRIC_NAME);
      const ofName = name === "" ? "" : ` for metric name ${JSON.stringify(name)}`;
      const fault = 'bucket label "le" is missing or has a malformed value of';
      run.context.remarks.warn(place, `${fault} ${JSON.stringify(text)}${ofName}`);
      continue;
    }
    const labels = dropLabels(one.labels, withoutBound);
    const key = labelsKey(labels);
    const histogram = getOrInsert(histograms, key, () => ({ labels, bounds: [], series: [] }));
    histogram.bounds.push(bound);
    histogram.series.push(one);
  }
  return [...histograms.values()];
}

async function measureAll(
  run: Run,
  expr: CallExpr,
  histograms: readonly Histogram[],
  grid: Grid,
  measure: Measure,
): Promise<StepSeries[]> {
  const { meter, remarks } = run.context;
  const results: StepSeries[] = [];
  for (const { labels, bounds, series } of histograms) {
    meter.hold(grid.count);
    const out = emptySeries(labels, true, grid.count);
    for (let i = 0; i < grid.count; i += 1) {
      const buckets: Bucket[] = [];
      series.forEach(({ values, present }, index) => {
        if (present[i] !== 1) return;
        buckets.push({ bound: bounds[index] ?? Number.NaN, count: values[i] ?? 0 });
      });
      if (meter.work(series.length * 4)) await meter.rest();
      if (buckets.length === 0) continue;
      const { value, isRepaired } = measure(buckets, i);
      out.values[i] = value;
      out.present[i] = 1;
      if (isRepaired) {
        remarks.inform(expr.place, "bucket counts fell as the bound rose and were levelled");
      }
    }
    if (hasSample(out)) results.push(out);
  }
  return results;
}
