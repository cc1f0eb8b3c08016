import { OperationalError } from "../shared/errors.ts";
import { formatDuration } from "../shared/model/duration.ts";
import { formatRfc3339 } from "../shared/model/rfc3339.ts";
import type { LogPattern__Output } from "../shared/wire/generated/telltale/v1/LogPattern.ts";
import type { PatternsResponse__Output } from "../shared/wire/generated/telltale/v1/PatternsResponse.ts";
import type { Run } from "./command.ts";
import { countOf } from "./format.ts";
import { sparkline } from "./sparkline.ts";
import { type Column, formatTable } from "./table.ts";
import type { Color } from "./terminal.ts";
import { chooseStep } from "./time-option.ts";

export type KeptPatternsOptions = {
  readonly since: number;
  readonly until?: number;
  readonly limit?: number;
};

const PATTERNS_SHOWN = 30;
const TREND_WIDTH = 24;
const TEMPLATE_LENGTH_MAX = 200;

/** The patterns that the aggregator keeps of its streams. @throws OperationalError */
export async function printKeptPatterns(
  selector: string,
  { since, until, limit = PATTERNS_SHOWN }: KeptPatternsOptions,
  run: Run,
): Promise<void> {
  const endMs = until ?? run.terminal.nowMs();
  const startMs = endMs - since;
  if (startMs < 0) throw new OperationalError("USAGE", "--since goes back before 1970");
  const request = {
    selector,
    startUs: startMs * 1000,
    endUs: endMs * 1000 + 1,
    stepMs: chooseStep(startMs, endMs),
    limit,
  };
  const response = await run.aggregator.askLogs((client) => client.patterns, request);
  run.print(jsonOf(response), () => textOf(response, startMs, run));
}

function jsonOf(response: PatternsResponse__Output) {
  const { startMs, stepMs, lineCount, patternCount, patterns } = response;
  const start = formatRfc3339(startMs);
  const rows = patterns.map(({ firstUs, lastUs, ...row }) => {
    return { ...row, first: timeText(firstUs), last: timeText(lastUs) };
  });
  return { start, stepMs, lines: lineCount, patternCount, patterns: rows };
}

function textOf(response: PatternsResponse__Output, startMs: number, run: Run): string {
  const { paint, terminal } = run;
  const { patterns, patternCount, lineCount, stepMs } = response;
  if (patternCount === 0) return `No line matches since ${formatRfc3339(startMs)}\n`;
  const nowMs = terminal.nowMs();
  const isNew = ({ firstUs }: LogPattern__Output) => firstUs / 1000 >= startMs;
  const columns: readonly Column<LogPattern__Output>[] = [
    { title: "COUNT", align: "right", cell: ({ count }) => String(count) },
    {
      title: "SHARE",
      align: "right",
      cell: ({ count }) => `${((count / lineCount) * 100).toFixed(1)} %`,
    },
    { title: "TREND", cell: (pattern) => trendOf(pattern, response) },
    {
      title: "FIRST",
      align: "right",
      cell: (pattern) => ({
        text: agoText(pattern.firstUs, nowMs),
        color: isNew(pattern) ? "green" : null,
      }),
    },
    { title: "LAST", align: "right", cell: ({ lastUs }) => agoText(lastUs, nowMs) },
    {
      title: "PATTERN",
      cell: ({ template }) => ({ text: shortened(template), color: colorOf(template) }),
    },
  ];
  const rest = patterns.length < patternCount ? `, of which ${patterns.length} are shown` : "";
  const step = `one bar: ${formatDuration(stepMs)} or more`;
  const total = `${countOf(lineCount, "line")} in ${countOf(patternCount, "pattern")}${rest}; ${step}`;
  return `${formatTable(columns, patterns, paint)}${paint(total, "dim")}\n`;
}

function trendOf({ counts }: LogPattern__Output, response: PatternsResponse__Output): string {
  const { startMs, stepMs } = response;
  const times = counts.map((_, i) => startMs + i * stepMs);
  const endMs = startMs + (counts.length - 1) * stepMs;
  return sparkline(times, counts, { startMs, endMs, stepMs }, TREND_WIDTH);
}

function agoText(timeUs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round(nowMs / 1000 - timeUs / 1e6));
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return `${Math.floor(seconds / length)}${unit} ago`;
  }
  return "now";
}

const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
] as const;

/** The words by which people look for trouble. */
function colorOf(template: string): Color | null {
  if (/\b(?:fatal|panic|crit(?:ical)?|err(?:or)?|fail(?:ed|ure)?)\b/i.test(template)) return "red";
  return /\bwarn(?:ing)?\b/i.test(template) ? "yellow" : null;
}

function timeText(timeUs: number): string {
  return formatRfc3339(Math.floor(timeUs / 1000));
}

export function shortened(text: string): string {
  return text.length <= TEMPLATE_LENGTH_MAX ? text : `${text.slice(0, TEMPLATE_LENGTH_MAX - 1)}…`;
}
