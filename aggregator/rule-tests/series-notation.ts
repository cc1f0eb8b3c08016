import { OperationalError } from "../../shared/errors.ts";
import { type Labels, labelsFrom } from "../../shared/model/labels.ts";
import { parseSelector } from "../promql/parse.ts";

/** One place of a series: a number, nothing, or a staleness marker. */
export type Point = number | "none" | "stale";

/** More in one series are refused: `1x1000000000` is short. */
const POINTS_MAX = 1_000_000;
const ITEM_LENGTH_MAX = 200;
const NUMBER = "[+-]?(?:(?:\\d[\\d_]*\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?|inf|nan)";
/** A value, perhaps one that is added, perhaps how often. It has no x, so none is hexadecimal. */
const ITEM = new RegExp(`^(_|${NUMBER})(?:([+-])(${NUMBER}))?(?:x(\\d+))?$`, "i");

/**
 * The series that `name{label="value", …}` names; `{}` and "" name one without labels.
 * @throws OperationalError QUERY
 */
export function parseMetric(text: string): Labels {
  if (/^\s*(?:\{\s*\})?\s*$/.test(text)) return [];
  return labelsFrom(parseSelector(text).map(({ name, value }) => [name, value] as const));
}

/**
 * Values in Prometheus' notation, a step apart: numbers, `_` for none, `stale`, `1x3` (once and three
 * times more), `1+2x3` (1 3 5 7). Source: prometheus.io/docs, "Unit Testing for Rules".
 * @throws OperationalError PARSE
 */
export function parsePoints(text: string): Point[] {
  if (text.includes("{{")) throw fault("native histograms are not supported", text);
  const points: Point[] = [];
  for (const item of text.split(/\s+/)) {
    if (item === "") continue;
    const found = parseItem(item);
    if (points.length + found.length > POINTS_MAX) throw fault(`over ${POINTS_MAX} values`, item);
    for (const point of found) points.push(point);
  }
  return points;
}

function parseItem(item: string): Point[] {
  if (item.length > ITEM_LENGTH_MAX) throw fault("not a value", item);
  if (item === "stale") return ["stale"];
  const [, first = "", sign, by, times] = ITEM.exec(item) ?? [];
  const count = times === undefined ? 0 : Number(times);
  if (count >= POINTS_MAX) throw fault(`over ${POINTS_MAX} values`, item);
  if (first === "_" && by === undefined) {
    return Array<Point>(times === undefined ? 1 : count).fill("none");
  }
  const start = parseNumber(first);
  const step = by === undefined ? 0 : parseNumber(by);
  if (start === null || step === null) throw fault("not a value", item);
  const points = [start];
  const change = sign === "-" ? -step : step;
  for (let left = count; left > 0; left -= 1) points.push((points.at(-1) ?? 0) + change);
  return points;
}

/** As PromQL writes numbers; null: it is none. */
export function parseNumber(text: string): number | null {
  const sign = text.startsWith("-") ? -1 : 1;
  const digits = text.replace(/^[+-]/, "").toLowerCase();
  if (digits === "inf") return sign * Number.POSITIVE_INFINITY;
  if (digits === "nan") return Number.NaN;
  if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8);
  return /^(?:0x[0-9a-f]+|\d[\d_]*\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)$/.test(digits)
    ? sign * Number(digits.replaceAll("_", ""))
    : null;
}

function fault(what: string, where: string): OperationalError {
  return new OperationalError("PARSE", `${what}: "${where.slice(0, 100)}"`);
}
