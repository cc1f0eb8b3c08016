/** The times an expression is evaluated at: `startMs + i * stepMs` for i below `count` (>= 1). */
export type Grid = { readonly startMs: number; readonly stepMs: number; readonly count: number };

export function gridTime(grid: Grid, index: number): number {
  return grid.startMs + index * grid.stepMs;
}

export function gridEnd(grid: Grid): number {
  return gridTime(grid, grid.count - 1);
}
