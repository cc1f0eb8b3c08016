import type { PromSeries } from "./prom-answer.ts";

/** One line of a chart: a value for each time of the grid, null where there is none. */
export type Line = {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** What the others are compared with. */
  readonly isThreshold?: boolean;
};

export type ChartLines = {
  /** Unix seconds. */
  readonly timesS: readonly number[];
  readonly lines: readonly Line[];
};

/** More of them nobody can tell apart. */
const LINES_MAX = 8;

type Grid = { readonly fromMs: number; readonly toMs: number; readonly stepMs: number };

export function gridTimes({ fromMs, toMs, stepMs }: Grid): number[] {
  const count = Math.floor((toMs - fromMs) / stepMs) + 1;
  return Array.from({ length: count }, (_, i) => (fromMs + i * stepMs) / 1000);
}

/** The series' values at the times of the grid. */
export function lineOn(grid: Grid, label: string, { values }: PromSeries): Line {
  const { length } = gridTimes(grid);
  const line = new Array<number | null>(length).fill(null);
  for (const [timeS, text] of values) {
    const place = Math.round((timeS * 1000 - grid.fromMs) / grid.stepMs);
    const value = Number(text);
    if (place >= 0 && place < length && Number.isFinite(value)) line[place] = value;
  }
  return { label, values: line };
}

/** Those that reach highest, in the order in which they came. */
export function highest(lines: readonly Line[], most = LINES_MAX): Line[] {
  if (lines.length <= most) return [...lines];
  const peaks = new Map(lines.map((line) => [line, Math.max(...line.values.map((v) => v ?? 0))]));
  const kept = new Set(
    lines.toSorted((a, b) => (peaks.get(b) ?? 0) - (peaks.get(a) ?? 0)).slice(0, most),
  );
  return lines.filter((line) => kept.has(line));
}

/** Each line upon those before it. Where one has no value, the others go on without it. */
export function stacked(lines: readonly Line[]): Line[] {
  const sums: (number | null)[] = [];
  return lines.map(({ label, values }) => {
    const upon = values.map((value, i) => {
      if (value !== null) sums[i] = (sums[i] ?? 0) + value;
      return sums[i] ?? null;
    });
    return { label, values: upon };
  });
}

/** Places of a few times that stand for all, the last one among them. */
export function sampledPlaces(count: number, most: number): number[] {
  const every = Math.max(1, Math.ceil(count / most));
  const places: number[] = [];
  for (let i = count - 1; i >= 0; i -= every) places.unshift(i);
  return places;
}

/** The last place at which a line has a value; -1: none. */
export function lastPlace(lines: readonly Line[]): number {
  return Math.max(-1, ...lines.map(({ values }) => values.findLastIndex((v) => v !== null)));
}
