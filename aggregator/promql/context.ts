import type { Matcher, SelectedSeries } from "../../shared/model/columns.ts";
import type { Grid, QuerySpan } from "../query/grid.ts";
import type { Meter } from "../query/meter.ts";
import type { Remarks } from "../query/result.ts";
import type { StepSeries } from "../query/step-series.ts";
import type { Matrix } from "../query/windows.ts";
import type { Expr } from "./ast.ts";

/** Where samples come from. `startMs` is exclusive, `endMs` inclusive. */
export type SampleSource = {
  select(matchers: readonly Matcher[], startMs: number, endMs: number): Promise<SelectedSeries>;
};

/** What one query has in hand while it runs. `stepMs` is 0 for an instant query. */
export type QueryContext = QuerySpan & {
  readonly source: SampleSource;
  readonly meter: Meter;
  readonly remarks: Remarks;
  readonly lookbackMs: number;
  readonly subqueryStepMs: number;
};

/**
 * Evaluates parts of an expression over a grid, for what holds them.
 * Every method throws OperationalError QUERY, LIMIT, or the signal's reason when aborted.
 */
export type Run = {
  readonly context: QueryContext;
  vector(expr: Expr, grid: Grid): Promise<StepSeries[]>;
  scalar(expr: Expr, grid: Grid): Promise<Float64Array>;
  /** The samples of a range vector, for windows that end at the steps of the grid. */
  matrix(expr: Expr, grid: Grid): Promise<Matrix>;
};
