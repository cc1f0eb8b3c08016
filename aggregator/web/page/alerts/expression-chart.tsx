import { useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { nowMs } from "../browser.ts";
import { Chart } from "../node/chart.tsx";
import type { ChartPlan } from "../node/chart-plans.ts";
import { LiveRegion } from "../node/live-region.tsx";
import { rangeOf, windowOf } from "../node/time-range.ts";
import { clockMs } from "../overview-store.ts";
import { parameters } from "../route.ts";
import { comparisonOf, narrowed } from "./expression-parts.ts";

const EVERY_MS = 15_000;
/** Names of a series beyond these say no more of it. */
const NAMES_SHOWN = 3;

type ExpressionChartProps = {
  expression: string;
  /** Of the series that are shown; none: of all. */
  labels: Readonly<Record<string, string>>;
};

/** What a rule measures over the shown time, and the threshold that it compares with. */
export function ExpressionChart({ expression, labels }: ExpressionChartProps) {
  const key = JSON.stringify(labels);
  const plan = useMemo(() => planOf(expression, labels), [expression, key]);
  const turn = useComputed(() => Math.floor(clockMs.value / EVERY_MS)).value;
  const search = parameters.value;
  const window = useMemo(() => windowOf(rangeOf(search, nowMs())), [turn, search]);
  return (
    <>
      <Chart plan={plan} matchers="" window={window} marks={[]} />
      <LiveRegion />
    </>
  );
}

function planOf(expression: string, labels: ExpressionChartProps["labels"]): ChartPlan {
  const compared = comparisonOf(expression);
  const measured = narrowed(compared?.measured ?? expression, labels);
  return {
    ...{ title: "measuredTitle", unit: "number", isOfRule: true },
    lines: [
      { query: () => measured, label: (metric, { value }) => seriesText(metric, labels) || value },
      ...(compared === null
        ? []
        : [
            {
              query: () => compared.threshold,
              label: (metric: Readonly<Record<string, string>>, w: { threshold: string }) => {
                return `${w.threshold} ${compared.operator} ${seriesText(metric, labels)}`.trim();
              },
              isThreshold: true as const,
            },
          ]),
    ],
  };
}

/** What a series has that the others have not. */
function seriesText(
  metric: Readonly<Record<string, string>>,
  known: ExpressionChartProps["labels"],
): string {
  const telling = Object.entries(metric).filter(([name]) => name !== "job" && !(name in known));
  return telling
    .slice(0, NAMES_SHOWN)
    .map(([, value]) => value)
    .join(" ");
}
