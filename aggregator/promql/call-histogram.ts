import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { decimalText, formatG, parseGoNumber } from "../../shared/model/go-number.ts";
import {
  dropLabels,
  type Labels,
  labelsKey,
  labelValue,
  METRIC_NAME,
  withLabel,
} from "../../shared/model/labels.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { warnOfQuantiles } from "../query/aggregate-steps.ts";
import { type Grid, gridTime } from "../query/grid.ts";
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
import {
  type Bucket,
  type BucketResult,
  bucketFraction,
  bucketQuantile,
  type Repair,
  widened,
} from "./histogram.ts";

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
  const repairs = new Repairs();
  if (expr.name === "histogram_fraction") {
    const measure: Measure = (buckets, i) =>
      bucketFraction(at(args[0], i), at(args[1], i), buckets);
    return vectorOf(await measureAll(run, histograms, grid, measure, repairs));
  }
  const results: StepSeries[] = [];
  const [name] = textArguments(expr);
  const places = expr.args.flatMap((arg) => (exprType(arg) === "scalar" ? [arg.place] : []));
  for (const [i, column] of args.entries()) {
    warnOfQuantiles(column, places[i] ?? expr.place, run.context.remarks);
    const measure: Measure = (buckets, step) => bucketQuantile(at(column, step), buckets);
    const labelled = name === undefined ? histograms : labelWith(histograms, name, column, expr);
    results.push(...(await measureAll(run, labelled, grid, measure, repairs)));
  }
  repairs.inform(run, withoutParens(argument(expr, 1)).place);
  return vectorOf(mergeEqual(results, expr.place));
}

type Repaired = {
  readonly repair: Repair;
  count: number;
  readonly firstMs: number;
  lastMs: number;
};

/** What had to be levelled, of each metric. */
class Repairs {
  readonly #byName = new Map<string, Repaired>();

  add(name: string, repair: Repair, timeMs: number): void {
    const known = this.#byName.get(name);
    this.#byName.set(name, {
      repair: widened(known?.repair ?? null, repair),
      count: (known?.count ?? 0) + 1,
      firstMs: Math.min(known?.firstMs ?? timeMs, timeMs),
      lastMs: Math.max(known?.lastMs ?? timeMs, timeMs),
    });
  }

  inform(run: Run, place: string): void {
    for (const [name, { repair, count, firstMs, lastMs }] of this.#byName) {
      const ofName = name === "" ? "" : ` for metric name ${JSON.stringify(name)}`;
      const from = `from buckets ${formatG(repair.leastBound, null)} to ${formatG(repair.mostBound, null)}`;
      const fall = `with a max diff of ${formatG(repair.mostFall, 2)}`;
      const times = [firstMs, lastMs].map((ms) => formatRfc3339(Math.trunc(ms / 1000) * 1000));
      const over = `over ${count} samples from ${times.join(" to ")}`;
      run.context.remarks.inform(place, `${LEVELLED}${ofName}, ${from}, ${fall}, ${over}`);
    }
  }
}

const LEVELLED =
  "input to histogram_quantile needed to be fixed for monotonicity (see " +
  "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

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
  histograms: readonly Histogram[],
  grid: Grid,
  measure: Measure,
  repairs: Repairs,
): Promise<StepSeries[]> {
  const { meter } = run.context;
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
      const { value, repair } = measure(buckets, i);
      out.values[i] = value;
      out.present[i] = 1;
      if (repair !== null) repairs.add(labelValue(labels, METRIC_NAME), repair, gridTime(grid, i));
    }
    if (hasSample(out)) results.push(out);
  }
  return results;
}
