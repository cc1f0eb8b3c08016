import type { MetricHead } from "./metric-point.ts";

/**
 * Names as Prometheus translates OTLP's by default, with underscores and suffixes for units and types.
 * Source: prometheus.io/docs, "Using Prometheus as your OpenTelemetry backend"; OpenTelemetry,
 * "Prometheus and OpenMetrics Compatibility"; the tables of units are those of Prometheus.
 */
const UNITS: ReadonlyMap<string, string> = new Map([
  ["d", "days"],
  ["h", "hours"],
  ["min", "minutes"],
  ["s", "seconds"],
  ["ms", "milliseconds"],
  ["us", "microseconds"],
  ["ns", "nanoseconds"],
  ["By", "bytes"],
  ["KiBy", "kibibytes"],
  ["MiBy", "mebibytes"],
  ["GiBy", "gibibytes"],
  ["TiBy", "tibibytes"], // so misspelt in Prometheus, whose names these are
  ["KBy", "kilobytes"],
  ["kBy", "kilobytes"],
  ["MBy", "megabytes"],
  ["GBy", "gigabytes"],
  ["TBy", "terabytes"],
  ["m", "meters"],
  ["V", "volts"],
  ["A", "amperes"],
  ["J", "joules"],
  ["W", "watts"],
  ["g", "grams"],
  ["Cel", "celsius"],
  ["Hz", "hertz"],
  ["1", ""],
  ["%", "percent"],
]);

/** What stands behind the `/`, in the singular. */
const PER_UNITS: ReadonlyMap<string, string> = new Map([
  ["s", "second"],
  ["m", "minute"],
  ["h", "hour"],
  ["d", "day"],
  ["w", "week"],
  ["mo", "month"],
  ["y", "year"],
]);

/** Longer ones are not taken; they are cut before anything is looked for in them. */
const UNIT_LENGTH_MAX = 64;
const NAME_LENGTH_MAX = 1024;

/** Without the suffixes of a histogram's or summary's series. "": there is no name in it. */
export function metricName({ name, unit, kind, isMonotonic }: MetricHead): string {
  if (name.length > NAME_LENGTH_MAX) return "";
  let tokens = name.split(/[^a-zA-Z0-9:]+/).filter((token) => token !== "");
  if (tokens.length === 0) return "";
  for (const suffix of unitSuffixes(unit)) if (!tokens.includes(suffix)) tokens.push(suffix);
  if (kind === "sum" && isMonotonic) tokens = [...without(tokens, "total"), "total"];
  if (kind === "gauge" && unit === "1") tokens = [...without(tokens, "ratio"), "ratio"];
  const joined = tokens.join("_");
  return /^\d/.test(joined) ? `_${joined}` : joined;
}

/** What stands in braces is a remark. */
function unitSuffixes(unit: string): string[] {
  const [main = "", per = ""] = splitOnce(unit.slice(0, UNIT_LENGTH_MAX)).map((part) =>
    /[{}]/.test(part) ? "" : part.trim(),
  );
  const mainSuffix = cleaned(UNITS.get(main) ?? main);
  const perSuffix = cleaned(PER_UNITS.get(per) ?? per);
  const suffixes = [mainSuffix, perSuffix === "" ? "" : `per_${perSuffix}`];
  return suffixes.filter((suffix) => suffix !== "");
}

function splitOnce(unit: string): string[] {
  const at = unit.indexOf("/");
  return at < 0 ? [unit] : [unit.slice(0, at), unit.slice(at + 1)];
}

function cleaned(unit: string): string {
  return unit.replace(/[^a-zA-Z0-9:]+/g, "_").replace(/^_|_$/g, "");
}

function without(tokens: readonly string[], left: string): string[] {
  return tokens.filter((token) => token !== left);
}

/**
 * The name of an attribute as a label: other characters become underscores, a digit or a single
 * underscore at the start gets `key` before it.
 */
export function labelName(attribute: string): string {
  const name = attribute.replace(/[^a-zA-Z0-9_]/gu, "_");
  if (/^\d/.test(name)) return `key_${name}`;
  return /^_(?!_)/.test(name) ? `key${name}` : name;
}
