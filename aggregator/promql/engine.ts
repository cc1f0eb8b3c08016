import { OperationalError } from "../../shared/errors.ts";
import type { SeriesColumns, VectorSample } from "../../shared/model/columns.ts";
import { compareLabels } from "../../shared/model/labels.ts";
import { type Grid, gridOf, gridTimes, type QuerySpan } from "../query/grid.ts";
import { Meter, type QueryLimits } from "../query/meter.ts";
import { COMPARISON_WORK, sortedByLabels } from "../query/order.ts";
import { queryError } from "../query/query-error.ts";
import { type QueryResult, Remarks } from "../query/result.ts";
import {
  heldColumns,
  removeNames,
  type StepSeries,
  seriesOfValues,
  type Value,
  withoutMetadata,
} from "../query/step-series.ts";
import { type Expr, withoutParens } from "./ast.ts";
import { exprType } from "./check.ts";
import type { QueryContext, SampleSource } from "./context.ts";
import { resolveDurations } from "./durations.ts";
import { Evaluator } from "./evaluate.ts";
import { extendedSamples, extensionOf, reachOf } from "./extended-ranges.ts";
import { checkFeatures, type Feature } from "./features.ts";

export type EngineOptions = Omit<QueryLimits, "signal"> & {
  readonly lookbackMs: number; // a sample older than this, or as old, is not seen
  readonly subqueryStepMs: number; // where a subquery names none
  readonly features: ReadonlySet<Feature>; // of those that are experimental
};

export const DEFAULT_ENGINE_OPTIONS: EngineOptions = {
  lookbackMs: 300_000,
  subqueryStepMs: 60_000,
  samplesMax: 50_000_000,
  seriesMax: 500_000,
  features: new Set(),
  pause: async () => {},
};

/** `infos`: remarks that a result may not be what was meant. */
export type PromqlResult = QueryResult & { readonly infos: readonly string[] };

/** Evaluates PromQL over a source of samples. Holds no state between queries. */
export class PromqlEngine {
  readonly #source: SampleSource;
  readonly #options: EngineOptions;

  constructor(source: SampleSource, options: EngineOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** @throws OperationalError QUERY when the expression uses a feature that is not switched on */
  check(expr: Expr): void {
    checkFeatures(expr, this.#options.features);
  }

  /**
   * The value at one time. Vectors are sorted by labels unless the expression itself orders them.
   * @throws OperationalError QUERY, LIMIT; the signal's reason when aborted
   */
  async instant(written: Expr, timeMs: number, signal?: AbortSignal): Promise<PromqlResult> {
    const span = { startMs: timeMs, endMs: timeMs, stepMs: 0 };
    const context = this.#context(span, signal);
    const expr = resolveDurations(written, span);
    const grid = { startMs: timeMs, stepMs: 1, count: 1 };
    const run = new Evaluator(context);
    const type = exprType(expr);
    if (type === "matrix") {
      return { type, series: await rangeVector(run, expr, grid), ...remarksOf(context) };
    }
    const value = await run.evaluate(expr, grid);
    const remarks = remarksOf(context);
    switch (value.kind) {
      case "scalar":
        return { type: "scalar", timeMs, value: value.values[0] ?? Number.NaN, ...remarks };
      case "string":
        return { type: "string", timeMs, value: value.text, ...remarks };
      case "vector": {
        const { meter } = context;
        const found = vectorSamples(await removeNames(value.series, expr.place, meter));
        const samples = ordersItself(expr) ? found : await sortedByLabels(found, meter);
        return { type: "vector", timeMs, samples, ...remarks };
      }
    }
  }

  /**
   * The values from `startMs` to `endMs`, both included, every `stepMs`; sorted by labels.
   * @throws OperationalError QUERY, LIMIT; the signal's reason when aborted
   */
  async range(
    written: Expr,
    span: QuerySpan,
    signal?: AbortSignal,
  ): Promise<Extract<PromqlResult, { type: "matrix" }>> {
    const grid = gridOf(span);
    const expr = resolveDurations(written, span);
    const type = exprType(expr);
    if (type !== "vector" && type !== "scalar") {
      const found = type === "string" ? "a string" : "a range vector";
      const message = `A range query needs a scalar or an instant vector, found ${found}`;
      throw new OperationalError("QUERY", message);
    }
    const context = this.#context(span, signal);
    const value = await new Evaluator(context).evaluate(expr, grid);
    const steps = gridTimes(grid);
    const named = await removeNames(seriesOf(value), expr.place, context.meter);
    const held = named
      .map((one) => heldColumns(one, steps))
      .filter(({ times }) => times.length > 0);
    const series = await sortedByLabels(held, context.meter);
    return { type: "matrix", series, ...remarksOf(context) };
  }

  #context(span: QuerySpan, signal: AbortSignal | undefined): QueryContext {
    const { lookbackMs, subqueryStepMs } = this.#options;
    const meter = new Meter({ ...this.#options, signal });
    const remarks = new Remarks();
    return { source: this.#source, meter, remarks, lookbackMs, subqueryStepMs, ...span };
  }
}

function remarksOf({ remarks, meter }: QueryContext) {
  const { warnings, infos } = remarks;
  return { warnings: [...warnings], infos: [...infos], samplesHeld: meter.held };
}

function ordersItself(expr: Expr): boolean {
  const inner = withoutParens(expr);
  if (inner.kind === "call") return inner.name.startsWith("sort");
  return inner.kind === "aggregate" && (inner.op === "topk" || inner.op === "bottomk");
}

/** A range vector asked for as such: the samples of its one window, without names that lost meaning. */
async function rangeVector(run: Evaluator, expr: Expr, grid: Grid): Promise<SeriesColumns[]> {
  const { series, ends, rangeMs } = await run.matrix(expr, grid);
  const extension = extensionOf(expr);
  const { beforeMs, afterMs } = reachOf(extension, run.context.lookbackMs);
  const edges = {
    startMs: ends.startMs - rangeMs + beforeMs,
    endMs: ends.startMs - afterMs,
  };
  const held: SeriesColumns[] = [];
  const none: Float64Array = new Float64Array(0);
  let shared = { all: none, times: none };
  for await (const one of series) {
    const { times, values } = one;
    const labels = one.dropsName ? withoutMetadata(one.labels) : one.labels;
    const { from, to } = stretchIn(times, ends.startMs - rangeMs, ends.startMs);
    if (from === to) continue;
    if (extension === null) {
      // Series of one scrape have one column of times.
      if (times !== shared.all) shared = { all: times, times: times.slice(from, to) };
      held.push({ labels, times: shared.times, values: values.slice(from, to) });
    } else {
      const samples = extendedSamples({ labels, times, values }, { from, to }, edges, extension);
      if (samples !== null) held.push(samples);
    }
  }
  const sorted = await sortedByLabels(held, run.context.meter);
  await checkDistinct(sorted, expr.place, run.context.meter);
  return sorted;
}

/** Of a column of times those after `startMs`, up to and with `endMs`. */
function stretchIn(times: Float64Array, startMs: number, endMs: number) {
  let [from, to] = [0, times.length];
  while (from < to && (times[from] ?? 0) <= startMs) from += 1;
  while (from < to && (times[to - 1] ?? 0) > endMs) to -= 1;
  return { from, to };
}

/** Series come sorted. @throws OperationalError QUERY when two have the same labels */
async function checkDistinct(
  sorted: readonly SeriesColumns[],
  place: string,
  meter: Meter,
): Promise<void> {
  for (const [i, one] of sorted.entries()) {
    if (i > 0 && isSame(one, sorted[i - 1])) {
      throw queryError(place, "the result would hold two series with the same labels");
    }
    if (meter.work(COMPARISON_WORK)) await meter.rest();
  }
}

function isSame({ labels }: SeriesColumns, other: SeriesColumns | undefined): boolean {
  return other !== undefined && compareLabels(labels, other.labels) === 0;
}

function vectorSamples(series: readonly StepSeries[]): VectorSample[] {
  const samples: VectorSample[] = [];
  for (const { labels, values, present } of series) {
    if (present[0] === 1) samples.push({ labels, value: values[0] ?? 0 });
  }
  return samples;
}

function seriesOf(value: Value): StepSeries[] {
  if (value.kind === "vector") return value.series;
  return value.kind === "string" ? [] : [seriesOfValues(value.values)];
}
