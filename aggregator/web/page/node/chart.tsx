import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import uPlot from "uplot";
import {
  formatBytes,
  formatMoment,
  formatNumber,
  formatRate,
  formatShare,
  formatTime,
} from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { secondsText } from "../services/seconds-text.ts";
import { language, locale, theme, words } from "../settings.ts";
import type { AlertMark } from "./alert-marks.ts";
import {
  type ChartLines,
  gridTimes,
  highest,
  lastPlace,
  lineOn,
  sampledPlaces,
  stacked,
} from "./chart-lines.ts";
import { type ChartColors, chartOptions } from "./chart-options.ts";
import type { ChartPlan, Unit } from "./chart-plans.ts";
import { spokenText } from "./live-region.tsx";
import { queryRange, queryRuleRange } from "./queries.ts";
import { showRange } from "./shown-range.ts";
import type { QueryWindow } from "./time-range.ts";

const HEIGHT_PX = 150;
const TALL_PX = 280;
const COLORS = 8;
/** Rows of the table that stands for a chart. */
const TABLE_ROWS = 12;
const DAY_S = 86_400;

type ChartProps = {
  plan: ChartPlan;
  matchers: string;
  window: QueryWindow;
  marks: readonly AlertMark[];
};

/** One chart with its legend, and a table that says the same. */
export function Chart({ plan, matchers, window, marks }: ChartProps) {
  const asked = window;
  const loaded = useLoaded(
    (signal) => loadLines(plan, matchers, asked, signal),
    [plan, matchers, asked, language.value],
  ).value;
  const cursor = useSignal<number | null>(null);
  const id = useId();
  const chart = loaded.value;
  if (plan.isOptional && (chart === null || chart.lines.length === 0)) return null;
  const title = plan.name ?? words.value[plan.title];
  return (
    <figure class="chart" aria-labelledby={`${id}-title`}>
      <figcaption id={`${id}-title`}>{title}</figcaption>
      {chart === null || chart.lines.length === 0 ? (
        <div class="chart-empty quiet">
          {loaded.problem || (chart === null ? words.value.loading : words.value.noPoints)}
        </div>
      ) : (
        <>
          <Plot {...{ plan, chart, window, marks, cursor, title }} tableId={`${id}-table`} />
          <Legend unit={plan.unit} chart={chart} cursor={cursor} />
          <ChartTable id={`${id}-table`} {...{ title, chart }} unit={plan.unit} />
        </>
      )}
    </figure>
  );
}

async function loadLines(
  { lines, isOfRule }: ChartPlan,
  matchers: string,
  asked: QueryWindow,
  signal: AbortSignal,
): Promise<ChartLines> {
  const ask = isOfRule ? queryRuleRange : queryRange;
  const found = await Promise.all(
    lines.map(async ({ query, label, isThreshold = false }) => {
      const series = await ask(query(matchers, asked.rateWindow), asked, signal);
      return series.map((one) => {
        return { ...lineOn(asked, label(one.metric, words.peek()), one), isThreshold };
      });
    }),
  );
  return { timesS: gridTimes(asked), lines: highest(found.flat()) };
}

type PlotProps = Omit<ChartProps, "matchers"> & {
  chart: ChartLines;
  cursor: { value: number | null };
  title: string;
  tableId: string;
};

export function Plot({ plan, chart, window, marks, cursor, title, tableId }: PlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef({ window, marks });
  now.current = { window, marks };
  const shape = [theme.value, language.value, ...chart.lines.map(({ label }) => label)].join("\n");
  const data = plotted(plan, chart);
  const heightPx = plan.isTall === true ? TALL_PX : HEIGHT_PX;

  useEffect(() => {
    const { current: place } = holder;
    if (place === null) return undefined;
    const made = new uPlot(
      chartOptions({
        ...{ width: place.clientWidth, height: heightPx, isStacked: plan.isStacked === true },
        ...{ labels: chart.lines.map(({ label }) => label), top: plan.top ?? 0 },
        thresholds: chart.lines.map(({ isThreshold }) => isThreshold === true),
        colors: colorsOf(place),
        valueText: (value) => valueText(plan.unit, value),
        timeText: axisTime,
        rangeS: () => [now.current.window.fromMs / 1000, now.current.window.toMs / 1000],
        marks: () => now.current.marks,
        onCursor: (at) => {
          cursor.value = at;
        },
        onSelect: (fromS, toS) => {
          showRange({ fromMs: fromS * 1000, toMs: toS * 1000, isLive: false });
        },
      }),
      data,
      place,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: place.clientWidth, height: heightPx });
    });
    observer.observe(place);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [chart, marks]);

  const walk = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || plot.current === null) return;
    event.preventDefault();
    walkTo((cursor.value ?? chart.timesS.length) + by, plot.current, chart, plan.unit);
  };
  return (
    <div
      ref={holder}
      class="plot"
      role="img"
      tabIndex={0}
      aria-label={title}
      aria-details={tableId}
      onKeyDown={walk}
    />
  );
}

/** Moves the cursor of all charts, and says what stands there. */
function walkTo(place: number, plot: uPlot, { timesS, lines }: ChartLines, unit: Unit): void {
  const at = Math.min(timesS.length - 1, Math.max(0, place));
  const timeS = timesS[at] ?? 0;
  plot.setCursor({ left: plot.valToPos(timeS, "x"), top: 10 });
  const values = lines.map(({ label, values: all }) => `${label} ${numberText(unit, all[at])}`);
  spokenText.value = `${formatMoment(locale.value, timeS * 1000)}: ${values.join(", ")}`;
}

function plotted({ isStacked }: ChartPlan, { timesS, lines }: ChartLines): uPlot.AlignedData {
  const shown = isStacked ? stacked(lines) : lines;
  return [[...timesS], ...shown.map(({ values }) => [...values])];
}

export function Legend(props: { unit: Unit; chart: ChartLines; cursor: { value: number | null } }) {
  const { unit, chart } = props;
  const place = useComputed(() => props.cursor.value).value ?? lastPlace(chart.lines);
  return (
    <ul class="legend">
      {chart.lines.map(({ label, values, isThreshold }, i) => (
        <li key={label}>
          <span
            class={`swatch ${isThreshold === true ? "threshold" : `color-${i % COLORS}`}`}
            aria-hidden="true"
          />
          <bdi title={label}>{label}</bdi>
          <span class="number">{numberText(unit, values[place])}</span>
        </li>
      ))}
    </ul>
  );
}

export function ChartTable(props: { id: string; title: string; chart: ChartLines; unit: Unit }) {
  const { lines, timesS } = props.chart;
  return (
    <div class="unseen">
      <table id={props.id}>
        <caption>{props.title}</caption>
        <thead>
          <tr>
            <th scope="col">{words.value.time}</th>
            {lines.map(({ label }) => (
              <th scope="col" key={label}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sampledPlaces(timesS.length, TABLE_ROWS).map((place) => (
            <tr key={place}>
              <th scope="row">{formatMoment(locale.value, (timesS[place] ?? 0) * 1000)}</th>
              {lines.map(({ label, values }) => (
                <td key={label}>{numberText(props.unit, values[place])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function numberText(unit: Unit, value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : valueText(unit, value);
}

export function valueText(unit: Unit, value: number): string {
  switch (unit) {
    case "share":
      return formatShare(locale.value, value);
    case "bytes":
      return formatBytes(locale.value, value);
    case "rate":
      return formatRate(locale.value, value);
    case "perSecond":
      return `${formatNumber(locale.value, value)}/s`;
    case "seconds":
      return secondsText(locale.value, value);
    case "celsius":
      return `${formatNumber(locale.value, value)} °C`;
    case "number":
      return formatNumber(locale.value, value);
  }
}

/** Where steps are days, the date; else the time of day. */
function axisTime(timeS: number, stepS: number): string {
  const timeMs = timeS * 1000;
  if (stepS < DAY_S) return formatTime(locale.value, timeMs, timeMs);
  return new Intl.DateTimeFormat(locale.value, { month: "short", day: "numeric" }).format(timeMs);
}

function colorsOf(element: Element): ChartColors {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    lines: Array.from({ length: COLORS }, (_, i) => color(`--chart-${i}`)),
    ...{ text: color("--quiet"), grid: color("--rule") },
    ...{ red: color("--red"), amber: color("--amber") },
  };
}
