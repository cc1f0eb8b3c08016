import { strict as assert } from "node:assert";
import { formatLabels, type Labels } from "../../shared/model/labels.ts";
import type { LogEntry, LogSource } from "../model/log-lines.ts";
import { warnOfQuantiles } from "../query/aggregate-steps.ts";
import { fixedLabels } from "../query/fixed-labels.ts";
import { type Grid, gridEnd } from "../query/grid.ts";
import { queryError } from "../query/query-error.ts";
import { rateKernel } from "../query/rates.ts";
import type { Remarks } from "../query/result.ts";
import { emptySeries, hasSample, type StepSeries } from "../query/step-series.ts";
import { quantileKernel, statisticKernel, windowStatistic } from "../query/window-statistics.ts";
import { type Matrix, type MatrixSeries, type WindowKernel, WindowWalk } from "../query/windows.ts";
import type { Grouping, RangeExpr, Unwrap } from "./ast.ts";
import { lineHints } from "./line-filter.ts";
import { ERROR_LABEL, LineLabels } from "./line-labels.ts";
import type { LineMeter } from "./line-meter.ts";
import { streamsOf } from "./log-query.ts";
import { compileStages, stagesWeight } from "./pipeline.ts";
import { SeriesTable } from "./series-table.ts";
import { StepCounts, StepWindows } from "./step-counts.ts";
import { parseQuantity } from "./units.ts";
import { ValueColumn } from "./value-column.ts";

/** What one metric query has in hand while it runs. */
export type MetricRun = {
  readonly source: LogSource;
  readonly meter: LineMeter;
  readonly remarks: Remarks;
};

/**
 * A range aggregation at each step of the grid. `grouping` is that of the expression, or of a `sum`
 * around it: lines are then put together at once, rather than series afterwards.
 */
export async function aggregateRange(
  expr: RangeExpr,
  grid: Grid,
  grouping: Grouping | null,
  run: MetricRun,
): Promise<StepSeries[]> {
  const ends = { ...grid, startMs: grid.startMs - expr.offsetMs };
  const aggregation = new RangeAggregation(expr, ends, grouping, run);
  if (expr.op === "absent_over_time") return aggregation.absent();
  return expr.unwrap === null ? aggregation.counts() : aggregation.values(expr.unwrap);
}

/** `value` is that of the unwrapped label, or 0 where none is unwrapped. */
type TakeLine = (labels: LineLabels, line: string, timeUs: number, value: number) => void;

class RangeAggregation {
  readonly #expr: RangeExpr;
  readonly #ends: Grid;
  readonly #grouping: Grouping | null;
  readonly #run: MetricRun;
  readonly #windows: StepWindows;

  constructor(expr: RangeExpr, ends: Grid, grouping: Grouping | null, run: MetricRun) {
    this.#expr = expr;
    this.#ends = ends;
    this.#grouping = grouping;
    this.#run = run;
    this.#windows = new StepWindows(ends, expr.rangeMs);
  }

  /** Of lines and their bytes: they are added up as they are read, and none is kept. */
  async counts(): Promise<StepSeries[]> {
    const { op, rangeMs } = this.#expr;
    const { meter } = this.#run.meter;
    const { count } = this.#ends;
    const make = () => {
      meter.hold(2 * count);
      return new StepCounts(count);
    };
    const table = new SeriesTable({ grouping: this.#grouping, unwrapped: null, make, meter });
    const what = op.startsWith("bytes") ? "bytes" : "lines";
    await this.#scan((labels, line, timeUs) => {
      const bytes = what === "bytes" ? Buffer.byteLength(line) : 0;
      table.entry(labels).add(this.#windows.first(timeUs), this.#windows.end(timeUs), bytes);
    });
    const divisor = op === "rate" || op === "bytes_rate" ? rangeMs / 1000 : 1;
    const results: StepSeries[] = [];
    for (const { labels, value } of table.entries()) {
      const out = emptySeries(labels, false, count);
      value.fill(out, what, divisor);
      results.push(out);
      if (meter.work(count)) await meter.rest();
    }
    return results.filter(hasSample);
  }

  /** Of the values of a label. */
  async values({ name: unwrapped }: Unwrap): Promise<StepSeries[]> {
    const { param, place, rangeMs } = this.#expr;
    const { meter } = this.#run.meter;
    const make = () => new ValueColumn();
    const table = new SeriesTable({ grouping: this.#grouping, unwrapped, make, meter });
    await this.#scan((labels, _, timeUs, value) => {
      meter.hold(1);
      table.entry(labels).add(timeUs / 1000, value);
    });
    const series = Array.from(table.entries(), ({ labels, value }) => value.series(labels));
    if (param !== null && series.length > 0) {
      warnOfQuantiles(Float64Array.of(param), place, this.#run.remarks);
    }
    const matrix = { series, ends: this.#ends, rangeMs };
    const walk = new WindowWalk(matrix, meter);
    const results: StepSeries[] = [];
    for (const one of series) {
      meter.hold(this.#ends.count);
      const out = emptySeries(one.labels, false, this.#ends.count);
      await walk.run(one, kernelOf(this.#expr, one, matrix), out);
      results.push(out);
    }
    return results.filter(hasSample);
  }

  /** 1 where no window has a line or value, with the labels that the selector fixes. */
  async absent(): Promise<StepSeries[]> {
    const { count } = this.#ends;
    this.#run.meter.meter.hold(2 * count);
    const counts = new StepCounts(count);
    await this.#scan((_labels, _line, timeUs) => {
      counts.add(this.#windows.first(timeUs), this.#windows.end(timeUs), 0);
    });
    const out = emptySeries(fixedLabels(this.#expr.logs.matchers), false, count);
    counts.fill(out, "lines", 1);
    for (let i = 0; i < count; i += 1) out.present[i] = 1 - (out.present[i] ?? 0);
    out.values.fill(1);
    return hasSample(out) ? [out] : [];
  }

  /** Reads every line that a window has, and hands on those that come through all stages. */
  async #scan(take: TakeLine): Promise<void> {
    const { logs, rangeMs } = this.#expr;
    const { meter } = this.#run;
    const startUs = Math.floor((this.#ends.startMs - rangeMs) * 1000) + 1;
    const range = { startUs, endUs: Math.floor(gridEnd(this.#ends) * 1000) + 1 };
    const hints = lineHints(logs.stages);
    const selected = this.#run.source.select(logs.matchers, range, "forward", hints);
    const pass = this.#passes(take);
    const weight = stagesWeight(logs.stages);
    for await (const { labels, entries } of streamsOf(selected)) {
      for await (const batch of entries) {
        for (const entry of batch) {
          if (meter.line(entry.line.length, weight)) await meter.meter.rest();
          pass(labels, entry);
        }
      }
    }
  }

  #passes(take: TakeLine): (stream: Labels, entry: LogEntry) => void {
    const stages = compileStages(this.#expr.logs.stages);
    const unwrap = unwrapping(this.#expr.unwrap);
    const labels = new LineLabels();
    return (stream, { timeUs, line, metadata }) => {
      if (this.#windows.first(timeUs) >= this.#windows.end(timeUs)) return;
      labels.start(stream, metadata);
      const text = stages(line, labels, timeUs);
      if (text === null) return;
      const value = unwrap(text, labels, timeUs);
      if (value === null) return;
      if (labels.error !== "" && !labels.isErrorWanted) this.#refuse(labels);
      take(labels, text, timeUs, value);
    };
  }

  /** As Loki: a metric of lines that could not be read is wrong. */
  #refuse(labels: LineLabels): void {
    const { grouping, labels: names } = this.#grouping ?? { grouping: "without", labels: [] };
    if (grouping === "by" && names.includes(ERROR_LABEL)) return;
    throw queryError(
      this.#expr.place,
      `a line of ${formatLabels(labels.labels())} has the error ${labels.error} ` +
        `(${labels.errorDetails}); | ${ERROR_LABEL}="" behind the stage leaves such lines out`,
    );
  }
}

/** The value of the unwrapped label of a line; null: the line has none, or a condition stops it. */
function unwrapping(
  unwrap: Unwrap | null,
): (line: string, labels: LineLabels, timeUs: number) => number | null {
  if (unwrap === null) return () => 0;
  const filter = compileStages(unwrap.filters);
  return (line, labels, timeUs) => {
    const text = labels.get(unwrap.name);
    if (text === "") return null;
    const value = parseQuantity(text, unwrap.as);
    if (value === null) {
      labels.setError("SampleExtractionErr", `${unwrap.name} is not a ${unwrap.as}: "${text}"`);
    }
    return filter(line, labels, timeUs) === null ? null : (value ?? 0);
  };
}

/** What computes the elements of a series from its windows. */
function kernelOf(
  { op, param, rangeMs }: RangeExpr,
  one: MatrixSeries,
  matrix: Matrix,
): WindowKernel {
  if (op === "rate_counter") return rateKernel("rate", one, matrix);
  if (param !== null) return quantileKernel(one, new Float64Array(matrix.ends.count).fill(param));
  const isRate = op === "rate";
  const statistic = windowStatistic(isRate ? "sum_over_time" : op);
  assert(statistic !== undefined, `${op} is a statistic of a window`);
  if (!isRate) return statisticKernel(statistic, one, 1);
  const seconds = rangeMs / 1000;
  return statisticKernel((...window) => statistic(...window) / seconds, one, 1);
}
