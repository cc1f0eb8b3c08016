import type { SelectedSeries, SeriesColumns } from "../../shared/model/columns.ts";
import { columnBits, isStale } from "../../shared/model/stale.ts";
import { type Grid, gridEnd } from "../query/grid.ts";
import { emptySeries, type StepSeries } from "../query/step-series.ts";
import type { AtTime, SelectorExpr, Timed } from "./ast.ts";
import type { QueryContext } from "./context.ts";

/**
 * The times a selector or subquery looks at, step by step: those of the grid, or the time behind @
 * over and over (a step of 0), moved by the offset.
 */
export function shiftedGrid(grid: Grid, { at, offsetMs }: Timed, context: QueryContext): Grid {
  if (at === null) return { ...grid, startMs: grid.startMs - offsetMs };
  return { startMs: atMs(at, context) - offsetMs, stepMs: 0, count: grid.count };
}

function atMs(at: AtTime, context: QueryContext): number {
  if (at.kind === "time") return at.timeMs;
  return at.kind === "start" ? context.startMs : context.endMs;
}

/** What the source holds for a selector within `reachMs` before each time of `times`, to be read. */
export async function loadColumns(
  expr: SelectorExpr,
  times: Grid,
  reachMs: number,
  context: QueryContext,
): Promise<SelectedSeries> {
  const selected = await context.source.select(
    expr.matchers,
    times.startMs - reachMs,
    gridEnd(times),
  );
  context.meter.checkSeries(selected.length);
  return selected;
}

/**
 * An instant vector selector: at each step the last sample that is younger than the lookback,
 * unless it is a staleness marker. `what`: the sample's value, or its time in seconds.
 */
export async function selectInstant(
  expr: SelectorExpr,
  grid: Grid,
  what: "value" | "time",
  context: QueryContext,
): Promise<StepSeries[]> {
  const { lookbackMs, meter } = context;
  const times = shiftedGrid(grid, expr, context);
  const selected: StepSeries[] = [];
  for await (const one of await loadColumns(expr, times, lookbackMs, context)) {
    meter.hold(one.times.length + grid.count);
    const out = emptySeries(one.labels, false, grid.count);
    if (fillLatest(one, { at: times, lookbackMs, what }, out) > 0) selected.push(out);
    if (meter.work(one.times.length + grid.count)) await meter.rest();
  }
  return selected;
}

type Look = { readonly at: Grid; readonly lookbackMs: number; readonly what: "value" | "time" };

/** Returns how many steps have an element. */
function fillLatest({ times, values }: SeriesColumns, look: Look, out: StepSeries): number {
  const { at, lookbackMs } = look;
  const isTime = look.what === "time";
  const bits = columnBits(values);
  let next = 0;
  let filled = 0;
  for (let i = 0; i < at.count; i += 1) {
    const timeMs = at.startMs + i * at.stepMs;
    while (next < times.length && (times[next] ?? 0) <= timeMs) next += 1;
    const index = next - 1;
    if (index < 0 || (times[index] ?? 0) <= timeMs - lookbackMs) continue;
    const value = values[index] ?? 0;
    if (Number.isNaN(value) && isStale(bits, index)) continue;
    out.values[i] = isTime ? (times[index] ?? 0) / 1000 : value;
    out.present[i] = 1;
    filled += 1;
  }
  return filled;
}

/** The column without its staleness markers: a range looks at real samples only. */
export function withoutStale(columns: SeriesColumns): SeriesColumns {
  const { times, values } = columns;
  if (!hasNan(values)) return columns;
  const bits = columnBits(values);
  let stale = 0;
  for (let i = 0; i < values.length; i += 1) if (isStale(bits, i)) stale += 1;
  if (stale === 0) return columns;
  const keptTimes = new Float64Array(times.length - stale);
  const keptValues = new Float64Array(times.length - stale);
  let kept = 0;
  for (let i = 0; i < values.length; i += 1) {
    if (isStale(bits, i)) continue;
    keptTimes[kept] = times[i] ?? 0;
    keptValues[kept] = values[i] ?? 0;
    kept += 1;
  }
  return { labels: columns.labels, times: keptTimes, values: keptValues };
}

/** Most columns have none, and to see that takes no look at the bits. */
function hasNan(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i += 1) if (Number.isNaN(values[i])) return true;
  return false;
}
