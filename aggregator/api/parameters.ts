import { parseDuration } from "../../shared/model/duration.ts";
import { parseGoNumber } from "../../shared/model/go-number.ts";
import { parseRfc3339, TIME_MAX_MS } from "../../shared/model/rfc3339.ts";
import { ApiError } from "./api-error.ts";

/** Characters of one expression or selector. */
const TEXT_LENGTH_MAX = 64 * 1024;
/** `match[]` selectors of one request. */
const SELECTORS_MAX = 100;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const SHOWN_LENGTH_MAX = 100;

/** As Prometheus writes the smallest and the largest of its times; clients send them for "ever". */
const EXTREMES: ReadonlyMap<string, number> = new Map([
  ["-292273086-05-16T16:47:06Z", -TIME_MAX_MS],
  ["292277025-08-18T07:12:54.999999999Z", TIME_MAX_MS],
]);

/** A request's parameters by name; a name can be given several times. */
export type Parameters = Pick<URLSearchParams, "get" | "getAll">;

/** `invalid parameter "name": …`, the form that Prometheus' clients know. */
export function parameterError(name: string, problem: string): ApiError {
  return new ApiError("bad_data", `invalid parameter "${name}": ${problem}`);
}

/**
 * Unix milliseconds from decimal Unix seconds or RFC 3339; what a date cannot be means "the oldest" or
 * "the newest".
 * @throws ApiError bad_data
 */
export function parseTime(text: string, name: string): number {
  const timeMs = EXTREMES.get(text) ?? secondsMs(text) ?? parseRfc3339(text);
  if (timeMs === null) {
    throw parameterError(name, `cannot parse ${shown(text)} to a valid timestamp`);
  }
  return Math.min(Math.max(timeMs, -TIME_MAX_MS), TIME_MAX_MS);
}

/** As `parseTime`; the default where the parameter is absent or empty. */
export function timeParameter(parameters: Parameters, name: string, defaultMs: number): number {
  const text = parameters.get(name) ?? "";
  return text === "" ? defaultMs : parseTime(text, name);
}

/**
 * Milliseconds from decimal seconds or a duration such as `1m30s`.
 * @throws ApiError bad_data
 */
export function parseSpan(text: string, name: string): number {
  const spanMs = secondsMs(text);
  if (spanMs !== null) {
    if (Math.abs(spanMs) <= TIME_MAX_MS) return spanMs;
    throw parameterError(name, `${shown(text)} is too long for a duration`);
  }
  try {
    return Math.min(parseDuration(text), TIME_MAX_MS);
  } catch {
    throw parameterError(name, `cannot parse ${shown(text)} to a valid duration`);
  }
}

/** Milliseconds of a number of seconds; null: it is none. */
function secondsMs(text: string): number | null {
  const seconds = parseGoNumber(text) ?? Number.NaN;
  return Number.isFinite(seconds) ? Math.round(seconds * 1000) : null;
}

/** Null where the parameter is absent or empty, or 0, which means no limit. */
export function limitParameter(parameters: Parameters, name = "limit"): number | null {
  const text = parameters.get(name) ?? "";
  if (text === "" || text === "0") return null;
  if (!/^\d{1,15}$/.test(text)) throw parameterError(name, `${shown(text)} is no whole number`);
  return Number(text);
}

/** @throws ApiError bad_data when the text is too long to be looked at */
export function checkExpression(text: string, name: string): string {
  if (text.length <= TEXT_LENGTH_MAX) return text;
  throw parameterError(name, `${text.length} characters, ${TEXT_LENGTH_MAX} are allowed`);
}

/** @throws ApiError bad_data when there are too many, or one is too long */
export function checkSelectors(texts: readonly string[]): readonly string[] {
  if (texts.length > SELECTORS_MAX) {
    throw parameterError("match[]", `${texts.length} selectors, ${SELECTORS_MAX} are allowed`);
  }
  for (const text of texts) checkExpression(text, "match[]");
  return texts;
}

/** @throws ApiError bad_data */
export function checkLabelName(name: string): string {
  if (LABEL_NAME.test(name)) return name;
  throw new ApiError("bad_data", `invalid label name: ${shown(name)}`);
}

/** Quoted, and short enough for a message. */
function shown(text: string): string {
  if (text.length <= SHOWN_LENGTH_MAX) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, SHOWN_LENGTH_MAX))}… (${text.length} characters)`;
}
