import type { TimeRange } from "../model/log-lines.ts";
import type { QuerySpan } from "../query/grid.ts";
import type { Call } from "./http-routes.ts";
import type { LinesRequest } from "./logs-api.ts";
import { CATEGORIZE_LABELS } from "./loki-json.ts";
import { type Parameters, parameterError, parseSpan, parseTime } from "./parameters.ts";

/** What requests to `/loki/api/v1` name, and what counts where they do not. */

export const HOUR_US = 3_600_000_000;
/** Loki's default. */
const LINES_DEFAULT = 100;
/** A range query without a step has about so many. */
const STEPS_DEFAULT = 250;
/** Unix nanoseconds have so many digits, seconds never. */
const NANOSECONDS = /^\d{14,19}$/;

export function linesOf({ parameters }: Call, span: TimeRange): LinesRequest {
  const direction = (parameters.get("direction") ?? "backward").toLowerCase();
  if (direction !== "forward" && direction !== "backward") {
    throw parameterError("direction", "it is forward or backward");
  }
  const limit = countParameter(parameters, "limit", LINES_DEFAULT);
  return { ...span, query: parameters.get("query") ?? "", direction, limit };
}

/** A whole number. */
export function countParameter(parameters: Parameters, name: string, defaultCount: number): number {
  const text = parameters.get(name) ?? "";
  if (text === "") return defaultCount;
  if (!/^\d{1,9}$/.test(text)) throw parameterError(name, "it is a whole number");
  return Number(text);
}

/** The selectors that are given; `{}` stands for every stream. */
export function selectorsOf({ parameters }: Call, ...names: readonly string[]): readonly string[] {
  return names
    .flatMap((name) => parameters.getAll(name))
    .filter((text) => !/^\s*(?:\{\s*\}\s*)?$/.test(text));
}

/** Whether `X-Loki-Response-Encoding-Flags` asks for the labels of lines by where they are from. */
export function isCategorized(flags: string | readonly string[] | undefined): boolean {
  return String(flags ?? "")
    .split(",")
    .some((flag) => flag.trim() === CATEGORIZE_LABELS);
}

/** `since` counts where there is no start. */
export function rangeOf(
  nowMs: number,
  parameters: Parameters,
  defaultUs: number = HOUR_US,
): TimeRange {
  const endUs = timeOf(parameters, "end", nowMs * 1000 + 1);
  const since = parameters.get("since") ?? "";
  const lengthUs = since === "" ? defaultUs : lengthMs(since, "since") * 1000;
  return { startUs: timeOf(parameters, "start", endUs - lengthUs), endUs };
}

/** The range in milliseconds, with the step or a default one. */
export function spanOf({ startUs, endUs }: TimeRange, parameters: Parameters): QuerySpan {
  const [startMs, endMs] = [Math.floor(startUs / 1000), Math.floor(endUs / 1000)];
  const step = parameters.get("step") ?? "";
  const defaultMs = Math.max(1000, Math.ceil((endMs - startMs) / STEPS_DEFAULT / 1000) * 1000);
  return { startMs, endMs, stepMs: step === "" ? defaultMs : lengthMs(step, "step") };
}

const GO_DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[hms]))+$/;
const UNITS_MS = new Map([
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
]);

/** Milliseconds from what Prometheus takes, or from a duration as Go writes it, such as `1m1.5s`. */
function lengthMs(text: string, name: string): number {
  if (text.length > 100 || !GO_DURATION.test(text)) return parseSpan(text, name);
  let sumMs = 0;
  for (const [, digits = "", unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)) {
    sumMs += Number(digits) * (UNITS_MS.get(unit) ?? 0);
  }
  return sumMs;
}

/** Unix microseconds from Unix nanoseconds, seconds with a fraction, or RFC 3339. */
export function timeOf(parameters: Parameters, name: string, defaultUs: number): number {
  const text = parameters.get(name) ?? "";
  if (text === "") return defaultUs;
  if (NANOSECONDS.test(text)) return Number(BigInt(text) / 1000n);
  return Math.max(0, parseTime(text, name) * 1000);
}
