import { OperationalError } from "../shared/errors.ts";
import { labelsRecord, labelValue } from "../shared/model/labels.ts";
import { formatRfc3339 } from "../shared/model/rfc3339.ts";
import type { LogLine__Output } from "../shared/wire/generated/telltale/v1/LogLine.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { addLogPatternsCommand } from "./log-patterns.ts";
import { resultText } from "./query.ts";
import { queryJson, warningsText } from "./query-result.ts";
import { type Color, printable } from "./terminal.ts";
import { parseDurationOption, parseTimeOption } from "./time-option.ts";

type LogsOptions = {
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly follow?: boolean;
  readonly output: string;
};

type StreamLabels = readonly string[];

const HOUR_MS = 3_600_000;
const LIMIT = 100;
/** What names a line's source best; the first that a stream has is shown. */
const SOURCE_LABELS = ["service", "container", "unit", "filename", "job"];
const MICROSECOND_DIGITS = 6;

/** `telltale logs …` */
export function addLogsCommand(context: CommandContext): void {
  const { terminal } = context;
  const logs = context.program
    .command("logs")
    .description("Finds log lines, and follows them")
    .argument("<logql>", "streams and what their lines hold, or numbers made of lines")
    .option("--since <duration>", "so far back: 5m, 2d (default: 1h)", parseDurationOption)
    .option("--until <time>", "up to then: now, -1h, RFC 3339 or Unix seconds", (text: string) =>
      parseTimeOption(text, terminal.nowMs()),
    )
    .option(
      "-n, --limit <lines>",
      `the newest so many, 5000 at most (default: ${LIMIT})`,
      parseLimit,
    )
    .option("-f, --follow", "then the lines that come in, until Ctrl-C")
    .addHelpText(
      "after",
      `
Lines come oldest first, as in a file. With --output json each line is an object of its own.
LogQL is Loki's query language; docs/logql.md says which part of it is known.

Examples:
  $ telltale logs '{job="files"}' --follow
  $ telltale logs '{service="shop"} |= "timeout"' --since 2d
  $ telltale logs '{service="shop"} | json | status >= 500' --output json
  $ telltale logs 'sum by (service) (rate({job=~".+"} |~ "(?i)error" [5m]))'`,
    )
    .action((query: string, options: LogsOptions, command) =>
      runCommand(context, command, async (run) => {
        // A query of lines begins with the streams they are in.
        if (query.trimStart().startsWith("{")) await printLines(query, options, run, command);
        else await printNumbers(query, options, run);
      }),
    );
  addLogPatternsCommand(context, logs);
}

async function printLines(
  query: string,
  { since = HOUR_MS, until, limit = LIMIT, follow = false }: LogsOptions,
  run: Run,
  command: { optsWithGlobals(): { readonly output?: string } },
): Promise<void> {
  const { terminal } = run;
  const isJson = command.optsWithGlobals().output === "json";
  if (follow && until !== undefined) {
    throw new OperationalError("USAGE", "--follow and --until exclude each other");
  }
  const endUs = (until ?? terminal.nowMs()) * 1000 + 1;
  const startUs = endUs - since * 1000;
  const request = { query, startUs, endUs, limit, follow, isForward: false };
  const streams: StreamLabels[] = [];
  const lines: LogLine__Output[] = [];
  const write = (line: LogLine__Output) => {
    const labels = streams[line.stream] ?? [];
    terminal.write(isJson ? jsonOf(line, labels) : textOf(line, labels, run));
  };
  for await (const message of run.aggregator.logLines(request)) {
    for (const { id, labels } of message.streams) streams[id] = labels;
    if (follow) message.lines.forEach(write);
    else lines.push(...message.lines);
  }
  lines.reverse().forEach(write);
  if (!follow && lines.length === 0 && !isJson) {
    terminal.writeError(`No line matches in the time; "telltale logs --help" has examples\n`);
  }
  if (lines.length === limit) {
    terminal.writeError(`These are the newest ${limit}: there may be more, see --limit\n`);
  }
}

async function printNumbers(query: string, { until }: LogsOptions, run: Run): Promise<void> {
  const timeMs = until ?? run.terminal.nowMs();
  const response = await run.aggregator.askLogs((client) => client.instant, { query, timeMs });
  run.print(queryJson(response, timeMs), () => resultText(response, timeMs, run));
  run.terminal.writeError(warningsText(response.warnings));
}

function jsonOf({ timeUs, line }: LogLine__Output, labels: StreamLabels): string {
  return `${JSON.stringify({ time: timeText(timeUs), labels: labelsRecord(labels), line })}\n`;
}

function textOf({ timeUs, line }: LogLine__Output, labels: StreamLabels, { paint }: Run): string {
  const source = SOURCE_LABELS.map((name) => labelValue(labels, name)).find((text) => text !== "");
  const from = `${labelValue(labels, "instance")} ${source ?? ""}`.trim();
  // A trace is one entry of several lines; tabs are its own.
  const text = line.split("\n").map((part) => printable(part.replaceAll("\t", "    ")));
  const color = colorOf(line);
  const time = paint(timeText(timeUs), "dim");
  return `${time} ${paint(printable(from), "bold")} ${paint(text.join("\n  "), color)}\n`;
}

/** The words by which people look for trouble. */
function colorOf(line: string): Color | null {
  const head = line.slice(0, 200);
  if (/\b(?:fatal|panic|crit(?:ical)?|err(?:or)?)\b/i.test(head)) return "red";
  return /\bwarn(?:ing)?\b/i.test(head) ? "yellow" : null;
}

function timeText(timeUs: number): string {
  const seconds = Math.floor(timeUs / 1e6);
  const fraction = String(timeUs % 1e6).padStart(MICROSECOND_DIGITS, "0");
  return formatRfc3339(seconds * 1000).replace(/Z$/, `.${fraction.slice(0, 3)}Z`);
}

/** @throws OperationalError USAGE */
function parseLimit(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= 5000) return Number(text);
  throw new OperationalError("USAGE", `--limit ${text}: it is a number from 1 to 5000`);
}
