import { OperationalError } from "../../shared/errors.ts";

/** The times an expression is evaluated at: `startMs + i * stepMs` for i below `count` (>= 1). */
export type Grid = { readonly startMs: number; readonly stepMs: number; readonly count: number };

/** `startMs`, `startMs + stepMs`, … up to `endMs`, both inclusive. */
export type QuerySpan = {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
};

/** Steps from the first time to the last, as in Prometheus. */
export const STEPS_MAX = 11_000;

export function gridTime(grid: Grid, index: number): number {
  return grid.startMs + index * grid.stepMs;
}

/** Of all steps. */
export function gridTimes(grid: Grid): Float64Array {
  const times = new Float64Array(grid.count);
  for (let i = 0; i < grid.count; i += 1) times[i] = gridTime(grid, i);
  return times;
}

export function gridEnd(grid: Grid): number {
  return gridTime(grid, grid.count - 1);
}

/** @throws OperationalError QUERY */
export function gridOf({ startMs, endMs, stepMs }: QuerySpan): Grid {
  if (!(stepMs > 0)) throw new OperationalError("QUERY", `Step must be over 0, is ${stepMs} ms`);
  if (!(endMs >= startMs)) {
    throw new OperationalError("QUERY", "End of a range query lies before its start");
  }
  const steps = Math.floor((endMs - startMs) / stepMs);
  if (steps > STEPS_MAX) {
    const message = `Range query has ${steps} steps, more than ${STEPS_MAX}: lengthen the step`;
    throw new OperationalError("QUERY", message);
  }
  return { startMs, stepMs, count: steps + 1 };
}
