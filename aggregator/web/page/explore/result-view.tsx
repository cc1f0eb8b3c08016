import { useSignal } from "@preact/signals";
import { useId, useMemo } from "preact/hooks";
import { rfc3339, saveFile } from "../browser.ts";
import { formatCount, formatDuration, formatMoment } from "../format.ts";
import { ChartTable, Legend, Plot } from "../node/chart.tsx";
import { gridTimes, highest, lineOn } from "../node/chart-lines.ts";
import type { ChartPlan } from "../node/chart-plans.ts";
import type { QueryWindow } from "../node/time-range.ts";
import { setParameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import { byLatest, csvOf, latestOf, type QueryAnswer, seriesText } from "./query-answer.ts";

/** More lines nobody can tell apart, and more rows nobody reads. */
const LINES_DRAWN = 24;
const ROWS_SHOWN = 500;
const PLAN: ChartPlan = { title: "result", unit: "number", isTall: true, lines: [] };

type ResultProps = { answer: QueryAnswer; window: QueryWindow; show: "chart" | "table" };

/** Numbers over time, as a chart or as a table, and as files. */
export function ResultView({ answer, window, show }: ResultProps) {
  const { noResult } = words.value;
  return (
    <section class="part result" aria-label={words.value.result}>
      <ResultTools answer={answer} window={window} show={show} />
      {answer.warnings.map((warning) => (
        <p key={warning} class="quiet">
          <bdi>{warning}</bdi>
        </p>
      ))}
      {answer.series.length === 0 ? (
        <p class="quiet">{noResult}</p>
      ) : show === "chart" ? (
        <ResultChart answer={answer} window={window} />
      ) : (
        <ResultTable answer={answer} />
      )}
    </section>
  );
}

function ResultTools({ answer, window, show }: ResultProps) {
  const w = words.value;
  const count = (value: number) => formatCount(locale.value, value);
  const { series, seriesTotal, json, tookMs } = answer;
  const tab = (one: "chart" | "table", text: string) => (
    <button
      type="button"
      aria-pressed={show === one}
      onClick={() => setParameters({ show: one === "chart" ? "" : one })}
    >
      {text}
    </button>
  );
  const isCut = seriesTotal > series.length;
  return (
    <div class="title-line">
      <span class="choices" role="group" aria-label={w.view}>
        {tab("chart", w.chart)}
        {tab("table", w.table)}
      </span>
      <span class="quiet" role="status">
        {w.tookTime(count(seriesTotal), tookText(tookMs))}
        {", "}
        {w.downSampled(formatDuration(locale.value, window.stepMs))}
      </span>
      {isCut ? <strong>{w.seriesCut(count(series.length), count(seriesTotal))}</strong> : null}
      <span class="choices pane-link">
        <button
          type="button"
          disabled={series.length === 0}
          onClick={() => saveFile("query.csv", "text/csv", csvOf(series, rfc3339))}
        >
          {w.downloadCsv}
        </button>
        <button type="button" onClick={() => saveFile("query.json", "application/json", json)}>
          {w.downloadJson}
        </button>
      </span>
    </div>
  );
}

function tookText(ms: number): string {
  return `${formatCount(locale.value, ms)} ms`;
}

function ResultChart({ answer, window }: Omit<ResultProps, "show">) {
  const cursor = useSignal<number | null>(null);
  const id = useId();
  const chart = useMemo(() => {
    const lines = answer.series.map((one) => lineOn(window, seriesText(one.metric), one));
    return { timesS: gridTimes(window), lines: highest(lines, LINES_DRAWN) };
  }, [answer]);
  const title = words.value.result;
  const [drawn, all] = [chart.lines.length, answer.series.length];
  return (
    <div class="result-chart">
      <Plot {...{ plan: PLAN, chart, window, marks: [], cursor, title }} tableId={`${id}-table`} />
      {drawn < all ? (
        <p class="quiet">
          {words.value.linesDrawn(formatCount(locale.value, drawn), formatCount(locale.value, all))}
        </p>
      ) : null}
      <Legend unit="number" chart={chart} cursor={cursor} />
      <ChartTable id={`${id}-table`} title={title} chart={chart} unit="number" />
    </div>
  );
}

function ResultTable({ answer }: { answer: QueryAnswer }) {
  const { seriesLabels, latestValue, time, rowsShown } = words.value;
  const rows = useMemo(() => byLatest(answer.series), [answer]);
  const count = (value: number) => formatCount(locale.value, value);
  return (
    <div class="scrolled result-table" role="group" tabIndex={0} aria-label={words.value.table}>
      <table>
        <thead>
          <tr>
            <th scope="col">{latestValue}</th>
            <th scope="col">{seriesLabels}</th>
            <th scope="col">{time}</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_SHOWN).map((one) => {
            const latest = latestOf(one);
            return (
              <tr key={seriesText(one.metric)}>
                <td class="number">{latest?.text ?? "–"}</td>
                <th scope="row">
                  <bdi>{seriesText(one.metric)}</bdi>
                </th>
                <td class="quiet number">
                  {latest === null ? "" : formatMoment(locale.value, latest.timeMs)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length > ROWS_SHOWN ? (
        <p class="quiet">{rowsShown(count(ROWS_SHOWN), count(rows.length))}</p>
      ) : null}
    </div>
  );
}
