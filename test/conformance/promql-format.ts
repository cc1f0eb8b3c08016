import {
  type Point,
  parseMetric,
  parseNumber,
  parsePoints,
} from "../../aggregator/rule-tests/series-notation.ts";
import { parseDuration } from "../../shared/model/duration.ts";
import {
  dropLabels,
  type Labels,
  labelValue,
  METRIC_NAME,
  withLabel,
} from "../../shared/model/labels.ts";

/** Reads Prometheus' `.test` files. Native histograms (`{{…}}`) are noted, not read. */

export type SeriesLine = { readonly labels: Labels; readonly points: readonly Point[] };

/** A line of start timestamps: `series@st offsets`. */
const START_TIMES =
  /^(?:[^"'`{\s]|\{(?:[^"'`}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*\})*@st\s/;

type Expectation = { readonly kind: string; readonly text: string };

export type Times = { readonly startMs: number; readonly endMs: number; readonly stepMs: number };

export type EvalCommand = {
  readonly kind: "eval";
  readonly line: number; // from 1
  readonly query: string;
  readonly isRange: boolean;
  readonly times: Times; // instant: start and end are equal, the step is 0
  readonly expectations: readonly Expectation[];
  readonly expected: readonly SeriesLine[];
  readonly scalar: number | null;
  readonly hasHistogram: boolean;
};

export type Command =
  | { readonly kind: "clear" }
  | {
      readonly kind: "load";
      readonly stepMs: number;
      readonly series: readonly SeriesLine[];
      readonly native: readonly Labels[]; // series of native histograms, which are not loaded
    }
  | EvalCommand;

export function parseScript(text: string): Command[] {
  const lines = text.split("\n").map((line) => {
    const trimmed = line.trim();
    return trimmed.startsWith("#") ? "" : trimmed;
  });
  const commands: Command[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const head = lines[index] ?? "";
    if (head === "") continue;
    let end = index + 1;
    if (head.toLowerCase() === "clear") {
      commands.push({ kind: "clear" }); // has no body: what follows is another command
      continue;
    }
    while (end < lines.length && lines[end] !== "") end += 1;
    commands.push(parseCommand(head, lines.slice(index + 1, end), index + 1));
    index = end - 1;
  }
  return commands;
}

function parseCommand(head: string, body: readonly string[], line: number): Command {
  const [word = "", step = ""] = head.split(/\s+/);
  switch (word.toLowerCase()) {
    case "load":
    case "load_with_nhcb": {
      // Start timestamps are read over: samples are stored without them.
      const lines = body.filter((one) => !START_TIMES.test(one));
      const isNative = (one: string) => one.includes("{{");
      const series = lines.filter((one) => !isNative(one)).map(parseSeriesLine);
      const native = lines
        .filter(isNative)
        .map((one) => parseMetric(one.slice(0, endOfMetric(one))));
      if (word.toLowerCase() === "load_with_nhcb") native.push(...madeNative(series));
      return { kind: "load", stepMs: parseDuration(step), series, native };
    }
    default:
      return parseEval(head, body, line);
  }
}

/** The native histograms with custom buckets that `load_with_nhcb` makes of classic ones. */
function madeNative(series: readonly SeriesLine[]): Labels[] {
  return series.flatMap(({ labels }) => {
    const name = labelValue(labels, METRIC_NAME);
    if (!name.endsWith("_bucket") || labelValue(labels, "le") === "") return [];
    const others = dropLabels(labels, new Set(["le"]));
    return [withLabel(others, METRIC_NAME, name.slice(0, -"_bucket".length))];
  });
}

const INSTANT = /^eval(?:_(\w+))?\s+instant\s+at\s+(\S+)\s+(.+)$/i;
const RANGE = /^eval(?:_(\w+))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$/i;

function parseEval(head: string, body: readonly string[], line: number): EvalCommand {
  const range = RANGE.exec(head);
  const instant = INSTANT.exec(head);
  const old = (range ?? instant)?.[1]?.toLowerCase();
  const expectations = body.filter(isExpectation).map(parseExpectation);
  if (old !== undefined) expectations.push({ kind: old, text: "" });
  const values = body.filter((one) => !isExpectation(one) && !one.startsWith("expected_fail"));
  const scalar = values.length === 1 && range === null ? plainNumber(values[0] ?? "") : null;
  const hasHistogram = values.some((one) => one.includes("{{"));
  const isRead = scalar === null && !hasHistogram;
  const common = {
    kind: "eval",
    line,
    expectations,
    expected: isRead ? values.map(parseSeriesLine) : [],
    scalar,
    hasHistogram,
  } as const;
  if (range !== null) {
    const [, , from = "", to = "", step = "", query = ""] = range;
    return { ...common, query, isRange: true, times: timesOf(from, to, step) };
  }
  if (instant === null) throw new Error(`Line ${line} is no command: ${head}`);
  const [, , at = "", query = ""] = instant;
  const timeMs = parseDuration(at);
  return { ...common, query, isRange: false, times: { startMs: timeMs, endMs: timeMs, stepMs: 0 } };
}

export function timesOf(from: string, to: string, step: string): Times {
  return { startMs: parseDuration(from), endMs: parseDuration(to), stepMs: parseDuration(step) };
}

function isExpectation(line: string): boolean {
  return /^expect\s/.test(line);
}

function parseExpectation(line: string): Expectation {
  const rest = line.replace(/^expect\s+/, "");
  const kind = /^(?:range vector|\w+)/.exec(rest)?.[0] ?? "";
  return { kind, text: rest.slice(kind.length).trim() };
}

function plainNumber(text: string): number | null {
  return /\s/.test(text) ? null : parseNumber(text);
}

function parseSeriesLine(line: string): SeriesLine {
  const end = endOfMetric(line);
  const values = line.slice(end).trim();
  return { labels: parseMetric(line.slice(0, end)), points: parsePoints(values) };
}

function endOfMetric(line: string): number {
  let index = 0;
  while (index < line.length && !/[{\s]/.test(line[index] ?? "")) index += 1;
  if (line[index] !== "{") return index;
  let quote = "";
  for (; index < line.length; index += 1) {
    const char = line[index] ?? "";
    if (quote !== "") {
      if (char === "\\") index += 1;
      else if (char === quote) quote = "";
    } else if (char === "}") {
      return index + 1;
    } else if (char === '"' || char === "'" || char === "`") {
      quote = char;
    }
  }
  throw new Error(`No end of the labels: ${line}`);
}
