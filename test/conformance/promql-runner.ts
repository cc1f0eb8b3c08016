import { compileMatchers } from "../../aggregator/matching/matcher.ts";
import { exprSelectors } from "../../aggregator/promql/ast.ts";
import type { PromqlResult } from "../../aggregator/promql/engine.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../aggregator/promql/engine.ts";
import { ALL_FEATURES } from "../../aggregator/promql/features.ts";
import { parsePromql } from "../../aggregator/promql/parse.ts";
import { MemorySeries } from "../../aggregator/rule-tests/memory-series.ts";
import type { SeriesColumns, VectorSample } from "../../shared/model/columns.ts";
import { unquote } from "../../shared/model/go-string.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { formatLabels, labelsKey } from "../../shared/model/labels.ts";
import type { EvalCommand, SeriesLine, Times } from "./promql-format.ts";
import { parseScript, timesOf } from "./promql-format.ts";

/** How one `eval` went. `failure` null: as expected. */
export type CaseResult = {
  readonly line: number;
  readonly query: string;
  readonly failure: string | null;
  /** The instant query asked again as a range query around its time; null: not done or fine. */
  readonly rangeFailure: string | null;
  readonly isRangeChecked: boolean;
  /** It is about native histograms, which ours does not have: not judged. */
  readonly isNative: boolean;
  /** A `fail` was expected; judged by its presence, not by its words. */
  readonly isJudgedByPresence: boolean;
};

/** Runs all commands of a `.test` file in order against an empty store. */
export async function runScript(text: string): Promise<CaseResult[]> {
  const store = new MemorySeries();
  const engine = new PromqlEngine(store, { ...DEFAULT_ENGINE_OPTIONS, features: ALL_FEATURES });
  const results: CaseResult[] = [];
  let native: Labels[] = [];
  for (const command of parseScript(text)) {
    if (command.kind === "clear") {
      store.clear();
      native = [];
    } else if (command.kind === "load") {
      native.push(...command.native);
      for (const { labels, points } of command.series)
        store.load(labels, points, 0, command.stepMs);
    } else {
      const isNative = isOfNative(command, native);
      results.push({ ...(await runCase(engine, command)), isNative });
    }
  }
  return results;
}

/** Of histograms as samples only, and trimming, which is for those. */
const NATIVE_ONLY = /\bhistogram_(?:avg|count|sum|stddev|stdvar)\s*\(|<\/|>\//;

/** Whether a query expects a native histogram, or reads or makes one. */
function isOfNative({ query, hasHistogram }: EvalCommand, native: readonly Labels[]): boolean {
  if (hasHistogram || NATIVE_ONLY.test(query)) return true;
  try {
    const selectors = exprSelectors(parsePromql(query)).map(compileMatchers);
    return native.some((labels) => selectors.some((matches) => matches(labels)));
  } catch {
    return false; // what cannot be read fails as a case
  }
}

async function runCase(
  engine: PromqlEngine,
  command: EvalCommand,
): Promise<Omit<CaseResult, "isNative">> {
  const { line, query, expectations } = command;
  const isJudgedByPresence = expectations.some(({ kind }) => kind === "fail");
  const failure = await judge(command, () => ask(engine, command));
  const isRangeChecked = failure === null && isAskedAgain(command);
  const rangeFailure = isRangeChecked
    ? await judge(command, () => askAround(engine, command))
    : null;
  return { line, query, failure, rangeFailure, isRangeChecked, isJudgedByPresence };
}

async function ask(engine: PromqlEngine, command: EvalCommand): Promise<PromqlResult> {
  const expr = parsePromql(command.query);
  if (command.isRange) return engine.range(expr, command.times);
  return engine.instant(expr, rangeVectorTimes(command)?.endMs ?? command.times.startMs);
}

/** FORMAT.md §5: an instant query must give the same within a range query. */
function isAskedAgain({ isRange, query, expectations }: EvalCommand): boolean {
  if (isRange || /\b(?:start|end|range|step)\s*\(/i.test(query)) return false;
  return !expectations.some(({ kind }) => /^(?:ordered|string|range vector|fail)$/.test(kind));
}

async function askAround(engine: PromqlEngine, command: EvalCommand): Promise<PromqlResult> {
  const timeMs = command.times.startMs;
  const expr = parsePromql(command.query);
  const steps = { startMs: timeMs - 60_000, endMs: timeMs + 60_000, stepMs: 60_000 };
  const { series, infos, warnings } = await engine.range(expr, steps);
  const samples: VectorSample[] = [];
  for (const { labels, times, values } of series) {
    const index = times.indexOf(timeMs);
    if (index >= 0) samples.push({ labels, value: values[index] ?? Number.NaN });
  }
  if (command.scalar !== null) {
    return { type: "scalar", timeMs, value: samples[0]?.value ?? Number.NaN, infos, warnings };
  }
  return { type: "vector", timeMs, samples, infos, warnings };
}

async function judge(
  command: EvalCommand,
  query: () => Promise<PromqlResult>,
): Promise<string | null> {
  const mustFail = command.expectations.some(({ kind }) => kind === "fail");
  let result: PromqlResult;
  try {
    result = await query();
  } catch (error) {
    if (mustFail) return null;
    return error instanceof Error ? `failed: ${error.message}` : String(error);
  }
  if (mustFail) return "did not fail";
  return judgeRemarks(command, result) ?? judgeResult(command, result);
}

function judgeRemarks(
  { expectations }: EvalCommand,
  { warnings, infos }: PromqlResult,
): string | null {
  const textsOf = (kind: string) =>
    expectations.filter((one) => one.kind === kind).map(({ text }) => text);
  for (const { kind } of expectations) {
    if (kind === "no_warn" && warnings[0] !== undefined) return warnings[0];
    if (kind === "no_info" && infos[0] !== undefined) return infos[0];
  }
  return (
    compareRemarks("warning", textsOf("warn"), warnings) ??
    compareRemarks("info", textsOf("info"), infos)
  );
}

/** Each expectation is met by a remark, and if there is one, each remark is expected. */
function compareRemarks(
  kind: string,
  expected: readonly string[],
  remarks: readonly string[],
): string | null {
  const unmet = expected.find((text) => !remarks.some((remark) => fits(remark, text)));
  if (unmet !== undefined) return `no ${kind} ${unmet}, but ${JSON.stringify(remarks)}`;
  const extra = remarks.find((remark) => !expected.some((text) => fits(remark, text)));
  return expected.length > 0 && extra !== undefined ? `unexpected ${extra}` : null;
}

function fits(remark: string, expected: string): boolean {
  if (expected.startsWith("msg:")) return remark === expected.slice("msg:".length).trim();
  if (!expected.startsWith("regex:")) return true;
  return new RegExp(expected.slice("regex:".length).trim()).test(remark);
}

function judgeResult(command: EvalCommand, result: PromqlResult): string | null {
  const text = command.expectations.find(({ kind }) => kind === "string");
  switch (result.type) {
    case "scalar":
      if (command.scalar === null) return `unexpected scalar ${result.value}`;
      return isEqual(command.scalar, result.value) ? null : `scalar ${result.value}`;
    case "string":
      return text !== undefined && unquote(text.text) === result.value
        ? null
        : `string ${JSON.stringify(result.value)}`;
    case "vector":
      return compareVector(command, result.samples);
    case "matrix":
      return compareMatrix(
        command.expected,
        result.series,
        rangeVectorTimes(command) ?? command.times,
      );
  }
}

function rangeVectorTimes({ expectations }: EvalCommand): Times | null {
  const found = expectations.find(({ kind }) => kind === "range vector");
  const words = /^from (\S+) to (\S+) step (\S+)$/.exec(found?.text ?? "");
  return words === null ? null : timesOf(words[1] ?? "", words[2] ?? "", words[3] ?? "");
}

function compareVector(command: EvalCommand, samples: readonly VectorSample[]): string | null {
  const { expected } = command;
  if (command.scalar !== null) return "a vector, not a scalar";
  if (samples.length !== expected.length) {
    return `${samples.length} elements: ${samples.map(formatSample).join("; ")}`;
  }
  const isOrdered = command.expectations.some(({ kind }) => kind === "ordered");
  const byKey = new Map(samples.map((sample) => [labelsKey(sample.labels), sample]));
  for (const [index, { labels, points }] of expected.entries()) {
    const sample = isOrdered ? samples[index] : byKey.get(labelsKey(labels));
    if (sample === undefined || labelsKey(sample.labels) !== labelsKey(labels)) {
      return `no ${formatLabels(labels)} in ${samples.map(formatSample).join("; ")}`;
    }
    const value = points[0] ?? "none";
    if (typeof value !== "number" || !isEqual(value, sample.value)) return formatSample(sample);
  }
  return null;
}

function compareMatrix(
  expected: readonly SeriesLine[],
  found: readonly SeriesColumns[],
  times: Times,
): string | null {
  const wanted = new Map(expected.map((line) => [labelsKey(line.labels), line]));
  for (const { labels, times: at, values } of found) {
    const line = wanted.get(labelsKey(labels));
    wanted.delete(labelsKey(labels));
    const got = pointsOf(line?.points ?? [], times);
    const text = formatColumns(labels, at, values);
    if (got.length !== values.length) return text;
    for (const [index, [timeMs, value]] of got.entries()) {
      if (at[index] !== timeMs || !isEqual(value, values[index] ?? Number.NaN)) return text;
    }
  }
  for (const { labels, points } of wanted.values()) {
    if (pointsOf(points, times).length > 0) return `no ${formatLabels(labels)}`;
  }
  return null;
}

function pointsOf(points: SeriesLine["points"], times: Times): [number, number][] {
  return points.flatMap((point, index): [number, number][] =>
    typeof point === "number" ? [[times.startMs + index * times.stepMs, point]] : [],
  );
}

/** FORMAT.md §4. */
function isEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (a === b) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const smallestNormal = 2 ** -1022;
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || sum < smallestNormal) return difference < 1e-6 * smallestNormal;
  return difference / Math.min(sum, Number.MAX_VALUE) < 1e-6;
}

function formatSample({ labels, value }: VectorSample): string {
  return `${formatLabels(labels as Labels)} ${value}`;
}

function formatColumns(labels: Labels, times: Float64Array, values: Float64Array): string {
  const points = [...values].map((value, index) => `${value}@${(times[index] ?? 0) / 1000}`);
  return `${formatLabels(labels)} ${points.join(" ")}`;
}
