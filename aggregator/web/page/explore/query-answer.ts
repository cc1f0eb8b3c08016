import type { PromSeries } from "../node/prom-answer.ts";

/** What a query gave, and what is told of it. Pure. */
export type QueryAnswer = {
  readonly series: readonly PromSeries[];
  /** As many as the query has; more than there are here where it was cut. */
  readonly seriesTotal: number;
  readonly warnings: readonly string[];
  /** The aggregator's own answer. */
  readonly json: string;
  readonly tookMs: number;
};

/** As PromQL writes it. */
export function seriesText(metric: PromSeries["metric"]): string {
  const { __name__: name = "", ...labels } = metric;
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length === 0 && name !== "" ? name : `${name}{${pairs.join(", ")}}`;
}

/** The last sample; null: none. */
export function latestOf({ values }: PromSeries): { timeMs: number; text: string } | null {
  const last = values.at(-1);
  return last === undefined ? null : { timeMs: last[0] * 1000, text: last[1] };
}

/** Highest latest value first; what is no number last. */
export function byLatest(series: readonly PromSeries[]): readonly PromSeries[] {
  const rank = (one: PromSeries) => {
    const value = Number((latestOf(one)?.text ?? "NaN").replace("Inf", "Infinity"));
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  return series
    .map((one) => ({ one, value: rank(one) }))
    .sort((a, b) => (a.value === b.value ? 0 : b.value - a.value))
    .map(({ one }) => one);
}

/** One row a sample: its time, its value, and a column for each label. */
export function csvOf(series: readonly PromSeries[], timeText: (timeMs: number) => string): string {
  const names = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const rows = [["time", "value", ...names].map(csvCell).join(",")];
  for (const { metric, values } of series) {
    const labels = names.map((name) => csvCell(metric[name] ?? "")).join(",");
    const end = labels === "" ? "" : `,${labels}`;
    for (const [timeS, value] of values) {
      rows.push(`${timeText(timeS * 1000)},${value}${end}`);
    }
  }
  return `${rows.join("\r\n")}\r\n`;
}

/** Spreadsheets compute what begins with these: a label must not have them compute. */
const FORMULA = /^[=+\-@\t\r]/;

function csvCell(text: string): string {
  const shown = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
}
