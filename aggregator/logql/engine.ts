import type { LogSource, LogsRequest, ResultLines, ScanStatistics } from "../model/log-lines.ts";
import { gridOf, gridTimes, type QuerySpan } from "../query/grid.ts";
import { Meter, type QueryLimits } from "../query/meter.ts";
import { sortedByLabels } from "../query/order.ts";
import { type QueryResult, Remarks } from "../query/result.ts";
import {
  heldColumns,
  removeNames,
  type StepSeries,
  seriesOfValues,
  type Value,
} from "../query/step-series.ts";
import type { LogExpr, MetricExpr } from "./ast.ts";
import { evaluateMetric, ordersItself } from "./evaluate.ts";
import { type LineLimits, LineMeter } from "./line-meter.ts";
import { logResults } from "./log-query.ts";

export type LogqlOptions = Omit<QueryLimits, "signal"> & LineLimits;

export const DEFAULT_LOGQL_OPTIONS: LogqlOptions = {
  samplesMax: 50_000_000,
  seriesMax: 10_000,
  linesMax: 500_000_000,
  bytesMax: 100 * 2 ** 30,
  pause: async () => {},
};

export type LogqlResult = QueryResult & { readonly statistics: ScanStatistics };

/** Evaluates LogQL over a source of lines. Holds no state between queries. */
export class LogqlEngine {
  readonly #source: LogSource;
  readonly #options: LogqlOptions;

  constructor(source: LogSource, options: LogqlOptions) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * The lines of a log query in the direction's order of time, in batches, as many as the limit.
   * Reading throws OperationalError QUERY, LIMIT; the signal's reason when aborted.
   */
  logs(expr: LogExpr, request: LogsRequest, signal?: AbortSignal): ResultLines {
    const meter = this.#meter(signal);
    return { lines: logResults(expr, request, this.#source, meter), statistics: meter.statistics };
  }

  /**
   * The value at one time. Vectors are sorted by labels unless the expression itself orders them.
   * @throws OperationalError QUERY, LIMIT; the signal's reason when aborted
   */
  async instant(expr: MetricExpr, timeMs: number, signal?: AbortSignal): Promise<LogqlResult> {
    const meter = this.#meter(signal);
    const remarks = new Remarks();
    const grid = { startMs: timeMs, stepMs: 1, count: 1 };
    const value = await evaluateMetric(expr, grid, { source: this.#source, meter, remarks });
    const rest = { warnings: [...remarks.warnings], statistics: meter.statistics };
    if (value.kind === "scalar") {
      return { type: "scalar", timeMs, value: value.values[0] ?? Number.NaN, ...rest };
    }
    const named = await removeNames(seriesOf(value), expr.place, meter.meter);
    const series = named.filter(({ present }) => present[0] === 1);
    const ordered = ordersItself(expr) ? series : await sortedByLabels(series, meter.meter);
    const samples = ordered.map(({ labels, values }) => ({ labels, value: values[0] ?? 0 }));
    return { type: "vector", timeMs, samples, ...rest };
  }

  /**
   * The values from `startMs` to `endMs`, both included, every `stepMs`; sorted by labels.
   * @throws OperationalError QUERY, LIMIT; the signal's reason when aborted
   */
  async range(expr: MetricExpr, span: QuerySpan, signal?: AbortSignal): Promise<LogqlResult> {
    const meter = this.#meter(signal);
    const remarks = new Remarks();
    const grid = gridOf(span);
    const value = await evaluateMetric(expr, grid, { source: this.#source, meter, remarks });
    const steps = gridTimes(grid);
    const named = await removeNames(seriesOf(value), expr.place, meter.meter);
    const held = named
      .map((one) => heldColumns(one, steps))
      .filter(({ times }) => times.length > 0);
    const series = await sortedByLabels(held, meter.meter);
    const warnings = [...remarks.warnings];
    return { type: "matrix", series, warnings, statistics: meter.statistics };
  }

  #meter(signal: AbortSignal | undefined): LineMeter {
    return new LineMeter(new Meter({ ...this.#options, signal }), this.#options);
  }
}

function seriesOf(value: Value): StepSeries[] {
  if (value.kind === "vector") return value.series;
  return value.kind === "string" ? [] : [seriesOfValues(value.values)];
}
