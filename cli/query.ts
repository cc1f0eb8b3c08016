import { formatLabels } from "../shared/model/labels.ts";
import { formatRfc3339 } from "../shared/model/rfc3339.ts";
import type { QueryResponse__Output } from "../shared/wire/generated/telltale/v1/QueryResponse.ts";
import type { ResultSeries__Output } from "../shared/wire/generated/telltale/v1/ResultSeries.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatNumber } from "./format.ts";
import { labelColumns, queryJson, warningsText } from "./query-result.ts";
import { type Column, formatTable } from "./table.ts";
import { type Paint, printable } from "./terminal.ts";
import { parseTimeOption } from "./time-option.ts";

export function addQueryCommand(context: CommandContext): void {
  const { terminal } = context;
  context.program
    .command("query")
    .description("Evaluates a PromQL expression at one time")
    .argument("<promql>", "the expression")
    .option(
      "-t, --time <time>",
      "now, -1h, RFC 3339 or Unix seconds (default: now)",
      (text: string) => parseTimeOption(text, terminal.nowMs()),
    )
    .addHelpText(
      "after",
      `
Numbers in the table are rounded to six digits; --output json has them whole, in the form of
Prometheus' HTTP API.

Examples:
  $ telltale query up
  $ telltale query 'topk(5, rate(container_cpu_usage_seconds_total[1m]))'
  $ telltale query node_load1 --time -1h`,
    )
    .action((promql: string, options: { readonly time?: number }, command) =>
      runCommand(context, command, async (run) => {
        const timeMs = options.time ?? terminal.nowMs();
        const request = { query: promql, timeMs };
        const response = await run.aggregator.ask((client) => client.instant, request);
        run.print(queryJson(response, timeMs), () => resultText(response, timeMs, run));
        terminal.writeError(warningsText(response.warnings));
      }),
    );
}

export function resultText(
  response: QueryResponse__Output,
  timeMs: number,
  { paint }: Run,
): string {
  switch (response.resultType) {
    case "RESULT_TYPE_SCALAR":
      return `${formatNumber(response.result[0]?.values[0] ?? Number.NaN)}\n`;
    case "RESULT_TYPE_STRING":
      return `${printable(response.stringValue)}\n`;
    case "RESULT_TYPE_MATRIX":
      return response.result.length === 0 ? emptyText(timeMs) : pointsText(response, paint);
    default:
      return response.result.length === 0 ? emptyText(timeMs) : vectorText(response, paint);
  }
}

function emptyText(timeMs: number): string {
  return `No series matches at ${formatRfc3339(timeMs)}\n`;
}

function vectorText({ result }: QueryResponse__Output, paint: Paint): string {
  const value: Column<ResultSeries__Output> = {
    title: "VALUE",
    align: "right",
    cell: ({ values }) => formatNumber(values[0] ?? Number.NaN),
  };
  return formatTable([...labelColumns(result), value], result, paint);
}

/** The samples themselves: `up[1m]`. */
function pointsText({ result }: QueryResponse__Output, paint: Paint): string {
  const blocks = result.map(({ labels, timesMs, values }) => {
    const columns: readonly Column<number>[] = [
      { title: "TIME", cell: (i) => formatRfc3339(timesMs[i] ?? Number.NaN) },
      { title: "VALUE", align: "right", cell: (i) => formatNumber(values[i] ?? Number.NaN) },
    ];
    const table = formatTable(columns, [...timesMs.keys()], paint);
    return `${paint(printable(formatLabels(labels)), "bold")}\n${table}`;
  });
  return blocks.join("\n");
}
