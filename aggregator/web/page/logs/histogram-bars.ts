import type { PromSeries } from "../node/prom-answer.ts";
import { SEVERITIES, type Severity, severityOf } from "./severities.ts";

/** Lines of a stretch of time, by severity. */
export type Bar = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly counts: Readonly<Record<Severity, number>>;
};

export type Bars = {
  readonly bars: readonly Bar[];
  readonly totals: Readonly<Record<Severity, number>>;
};

const STEPS_S = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600],
  ...[7200, 10_800, 21_600, 43_200, 86_400],
];

/** The shortest round time of which at most so many make the range. */
export function barStep(lengthMs: number, barsMax: number): number {
  const step = STEPS_S.find((seconds) => lengthMs / 1000 / seconds <= barsMax);
  return (step ?? 86_400 * Math.ceil(lengthMs / 86_400_000 / barsMax)) * 1000;
}

/** Whole steps that hold the range: asked for are the ends of each. */
export function barWindow({ fromMs, toMs }: { fromMs: number; toMs: number }, stepMs: number) {
  const start = Math.floor(fromMs / stepMs) * stepMs;
  return { fromMs: start + stepMs, toMs: Math.ceil(toMs / stepMs) * stepMs, stepMs };
}

/** A sample counts the lines of the step that ends with it. */
export function barsOf(
  series: readonly PromSeries[],
  { fromMs, toMs, stepMs }: ReturnType<typeof barWindow>,
): Bars {
  const count = Math.round((toMs - fromMs) / stepMs) + 1;
  const counts = Array.from({ length: count }, none);
  const totals = none();
  for (const { metric, values } of series) {
    const severity = severityOf(metric["detected_level"]);
    for (const [timeS, text] of values) {
      const bar = counts[Math.round((timeS * 1000 - fromMs) / stepMs)];
      const lines = Number(text);
      if (bar === undefined || !Number.isFinite(lines)) continue;
      bar[severity] += lines;
      totals[severity] += lines;
    }
  }
  const bars = counts.map((of, i) => {
    return { fromMs: fromMs + (i - 1) * stepMs, toMs: fromMs + i * stepMs, counts: of };
  });
  return { bars, totals };
}

function none(): Record<Severity, number> {
  return { fatal: 0, error: 0, warn: 0, info: 0, debug: 0, unknown: 0 };
}

export function sumOf(
  counts: Readonly<Record<Severity, number>>,
  shown: readonly Severity[] = SEVERITIES,
): number {
  return shown.reduce((sum, severity) => sum + counts[severity], 0);
}
