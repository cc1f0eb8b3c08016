import { OperationalError } from "../shared/errors.ts";
import { formatDuration } from "../shared/model/duration.ts";
import { formatRfc3339 } from "../shared/model/rfc3339.ts";
import type { QueryResponse__Output } from "../shared/wire/generated/telltale/v1/QueryResponse.ts";
import type { ResultSeries__Output } from "../shared/wire/generated/telltale/v1/ResultSeries.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatNumber } from "./format.ts";
import { labelColumns, queryJson, warningsText } from "./query-result.ts";
import { sparkline } from "./sparkline.ts";
import { type Column, formatTable } from "./table.ts";
import { chooseStep, parseDurationOption, parseTimeOption } from "./time-option.ts";

type RangeOptions = { readonly start?: number; readonly end?: number; readonly step?: number };
type Span = { readonly startMs: number; readonly endMs: number; readonly stepMs: number };

const LAST_HOUR_MS = 3_600_000;
const SPARKLINE_WIDTH = 40;
const SUMMARY = ["MIN", "AVG", "MAX", "LAST"];

export function addRangeCommand(context: CommandContext): void {
  const { terminal } = context;
  const parseTime = (text: string) => parseTimeOption(text, terminal.nowMs());
  context.program
    .command("range")
    .description("Evaluates a PromQL expression over a stretch of time")
    .argument("<promql>", "the expression")
    .option(
      "--start <time>",
      "now, -1h, RFC 3339 or Unix seconds (default: an hour before the end)",
      parseTime,
    )
    .option("--end <time>", "as --start (default: now)", parseTime)
    .option(
      "--step <duration>",
      "between two points: 15s, 1m (default: fits the time)",
      parseDurationOption,
    )
    .addHelpText(
      "after",
      `
Examples:
  $ telltale range node_load1
  $ telltale range 'rate(node_network_receive_bytes_total[30s])' --start -10m --step 10s
  $ telltale range up --start 2026-01-31T12:00:00Z --end 2026-01-31T13:00:00Z --output json`,
    )
    .action((promql: string, options: RangeOptions, command) =>
      runCommand(context, command, async (run) => {
        const span = spanOf(options, terminal.nowMs());
        const request = { query: promql, ...span };
        const response = await run.aggregator.ask((client) => client.range, request);
        run.print(queryJson(response, span.endMs), () => rangeText(response, span, run));
        terminal.writeError(warningsText(response.warnings));
      }),
    );
}

/** @throws OperationalError USAGE */
function spanOf({ start, end, step }: RangeOptions, nowMs: number): Span {
  const endMs = end ?? nowMs;
  const startMs = start ?? endMs - LAST_HOUR_MS;
  if (startMs > endMs) {
    const message = `--start (${formatRfc3339(startMs)}) is after --end (${formatRfc3339(endMs)})`;
    throw new OperationalError("USAGE", message);
  }
  if (step === 0) throw new OperationalError("USAGE", "--step is 0; the shortest is 1ms");
  return { startMs, endMs, stepMs: step ?? chooseStep(startMs, endMs) };
}

function rangeText({ result }: QueryResponse__Output, span: Span, { paint }: Run): string {
  const from = `${formatRfc3339(span.startMs)} to ${formatRfc3339(span.endMs)}`;
  if (result.length === 0) return `No series matches from ${from}\n`;
  const columns: readonly Column<ResultSeries__Output>[] = [
    ...labelColumns(result),
    { title: "TREND", cell: (series) => trendOf(series, span) },
    ...SUMMARY.map((title, i) => {
      const cell = (series: ResultSeries__Output) => summaryOf(series)[i] ?? "";
      return { title, align: "right", cell } as const;
    }),
  ];
  const table = formatTable(columns, result, paint);
  return `${from}, every ${formatDuration(span.stepMs)}\n${table}`;
}

function trendOf({ timesMs, values }: ResultSeries__Output, span: Span): string {
  return sparkline(timesMs, values, span, SPARKLINE_WIDTH);
}

/** Minimum, average, maximum and last; NaN is no number to compare, but can be the last. */
function summaryOf({ values }: ResultSeries__Output): string[] {
  const numbers = values.filter((value) => !Number.isNaN(value));
  const low = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const average = numbers.reduce((a, b) => a + b / numbers.length, 0);
  const last = values.at(-1) ?? Number.NaN;
  const summary =
    numbers.length === 0 ? [Number.NaN, Number.NaN, Number.NaN] : [low, average, high];
  return [...summary, last].map(formatNumber);
}
