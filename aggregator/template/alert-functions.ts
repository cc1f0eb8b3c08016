/** The functions of Prometheus' templates. Source: prometheus.io/docs, "Template reference". */

import type { RE2JS } from "re2js";
import type { VectorSample } from "../../shared/model/columns.ts";
import { parseDuration } from "../../shared/model/duration.ts";
import { formatG, parseGoNumber } from "../../shared/model/go-number.ts";
import { compareText, type Labels, labelValue } from "../../shared/model/labels.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { compilePattern, expandReplacement } from "../matching/pattern.ts";
import {
  BUILTIN_FUNCTIONS,
  fault,
  fixed,
  queryText,
  type TemplateFunction,
  textArg,
} from "./functions.ts";
import { formatValue, isNumber, type TemplateValue, typeName } from "./go-format.ts";
import { UTC } from "./go-time.ts";

/** Characters that the template of an alert, and a function in one, may produce. */
export const TEMPLATE_OUTPUT_MAX = 16 * 1024;

const MANY = 100;

/** What is the same for all templates of an evaluation. */
export type Evaluation = {
  /** @throws OperationalError when it has no answer */
  readonly query: (text: string) => readonly VectorSample[];
  readonly timeMs: number;
  readonly externalUrl: string;
};

/** Functions that know of the evaluation. */
export function evaluationFunctions({
  query,
  timeMs,
  externalUrl,
}: Evaluation): ReadonlyMap<string, TemplateFunction> {
  return new Map([
    ["query", fixed(1, (text) => sampleList(query(textArg(text))))],
    ["now", fixed(0, () => timeMs / 1000)],
    ["externalURL", fixed(0, () => externalUrl)],
    ["pathPrefix", fixed(0, () => /^\w+:\/\/[^/]*(\/.*)?$/.exec(externalUrl)?.[1] ?? "")],
  ]);
}

export const ALERT_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
  ...BUILTIN_FUNCTIONS,
  ["humanize", fixed(1, (value) => humanize(numberArg(value)))],
  ["humanize1024", fixed(1, (value) => humanize1024(numberArg(value)))],
  ["humanizeDuration", fixed(1, (value) => humanizeDuration(numberArg(value)))],
  ["humanizePercentage", fixed(1, (value) => `${formatG(numberArg(value) * 100, 4)}%`)],
  ["humanizeTimestamp", fixed(1, (value) => humanizeTimestamp(numberArg(value)))],
  ["title", fixed(1, (text) => titleCase(textArg(text)))],
  ["toUpper", fixed(1, (text) => textArg(text).toUpperCase())],
  ["toLower", fixed(1, (text) => textArg(text).toLowerCase())],
  ["stripPort", fixed(1, (text) => splitPort(textArg(text))[0])],
  ["stripDomain", fixed(1, (text) => stripDomain(textArg(text)))],
  ["parseDuration", fixed(1, (text) => parseDuration(textArg(text)) / 1000)],
  ["match", fixed(2, (pattern, text) => compile(textArg(pattern)).matcher(textArg(text)).find())],
  ["reReplaceAll", fixed(3, (pattern, to, text) => replaceAll([pattern, to, text].map(textArg)))],
  ["first", fixed(1, firstOf)],
  ["label", fixed(2, (name, sample) => labelValue(labelsIn(sample), textArg(name)))],
  ["value", fixed(1, (sample) => valueIn(sample))],
  ["strvalue", fixed(1, (sample) => labelValue(labelsIn(sample), "__value__"))],
  ["sortByLabel", fixed(2, (name, list) => sortedBy(textArg(name), list))],
  ["args", fixed(0, argumentMap, MANY)],
  ["safeHtml", fixed(1, (text) => textArg(text))],
  ["graphLink", fixed(1, (expr) => `/graph?g0.expr=${queryText(textArg(expr))}&g0.tab=0`)],
  ["tableLink", fixed(1, (expr) => `/graph?g0.expr=${queryText(textArg(expr))}&g0.tab=1`)],
  ["urlQueryEscape", fixed(1, (text) => queryText(textArg(text)))],
  ["toTime", fixed(1, (seconds) => timeOf(numberArg(seconds)))],
  ["toDuration", fixed(1, (seconds) => goDurationText(numberArg(seconds)))],
]);

function numberArg(value: TemplateValue = null): number {
  if (isNumber(value)) return Number(value);
  const number = typeof value === "string" ? parseGoNumber(value) : null;
  if (number !== null) return number;
  throw fault(`cannot convert ${typeName(value)} "${formatValue(value)}" to a number`);
}

/** Elements of a query's result: their `.Labels` and `.Value`. */
function sampleList(samples: readonly VectorSample[]): TemplateValue {
  const items = samples.map(({ labels, value }): TemplateValue => {
    const fields = new Map<string, TemplateValue>([
      ["Labels", { kind: "labels", labels }],
      ["Value", value],
    ]);
    return { kind: "fields", fields };
  });
  return { kind: "list", items };
}

function itemsIn(value: TemplateValue = null): readonly TemplateValue[] {
  if (typeof value === "object" && value?.kind === "list") return value.items;
  throw fault(`wrong type of argument: ${typeName(value)} where a query's result is wanted`);
}

function firstOf(list: TemplateValue = null): TemplateValue {
  const [first] = itemsIn(list);
  if (first === undefined) throw fault("first() called on vector with no elements");
  return first;
}

function fieldIn(sample: TemplateValue = null, name: string): TemplateValue | undefined {
  return typeof sample === "object" && sample?.kind === "fields"
    ? sample.fields.get(name)
    : undefined;
}

function labelsIn(sample: TemplateValue = null): Labels {
  const labels = fieldIn(sample, "Labels");
  if (typeof labels === "object" && labels?.kind === "labels") return labels.labels;
  throw fault(`wrong type of argument: ${typeName(sample)} where a sample is wanted`);
}

function valueIn(sample: TemplateValue = null): number {
  const value = fieldIn(sample, "Value");
  if (typeof value === "number") return value;
  throw fault(`wrong type of argument: ${typeName(sample)} where a sample is wanted`);
}

function sortedBy(name: string, list: TemplateValue = null): TemplateValue {
  const keyOf = (sample: TemplateValue) => labelValue(labelsIn(sample), name);
  const items = [...itemsIn(list)].sort((a, b) => compareText(keyOf(a), keyOf(b)));
  return { kind: "list", items };
}

/** `arg0`, `arg1` and so on, for a template that takes several. */
function argumentMap(...args: readonly TemplateValue[]): TemplateValue {
  const entries = args.map((value, i) => [`arg${i}`, value] as const);
  return { kind: "map", entries: new Map(entries) };
}

function timeOf(seconds: number): TemplateValue {
  checkTime(seconds);
  return { kind: "time", time: { timeUs: Math.trunc(seconds * 1000) * 1000, zone: UTC } };
}

function checkTime(seconds: number): void {
  const isInRange = Math.abs(seconds) <= 9_223_372_036;
  if (!isInRange) throw fault(`time out of range: ${seconds}`);
}

/** As Go prints a duration: 1h1m1.5s, 1.5ms. */
function goDurationText(seconds: number): string {
  checkTime(seconds);
  if (seconds === 0) return "0s";
  const sign = seconds < 0 ? "-" : "";
  const size = Math.abs(seconds);
  for (const [unit, least] of SMALL_UNITS) {
    if (size < least * 1000) return `${sign}${formatG(rounded(size / least), null)}${unit}`;
  }
  const [hours, minutes] = [Math.floor(size / 3600), Math.floor(size / 60) % 60];
  const rest = `${formatG(rounded(size - 3600 * hours - 60 * minutes), null)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${sign}${minutes}m${rest}` : sign + rest;
}

const SMALL_UNITS = [
  ["ns", 1e-9],
  ["µs", 1e-6],
  ["ms", 1e-3],
] as const;

/** To the nanosecond at most, which is as fine as Go has it. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

const LARGE = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_BINARY = LARGE.map((prefix) => `${prefix}i`);
const SMALL = ["m", "u", "n", "p", "f", "a", "z", "y"];

function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return formatG(value, 4);
  return Math.abs(value) >= 1 ? scaleDown(value, 1000, LARGE) : scaleUp(value);
}

function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return formatG(value, 4);
  return scaleDown(value, 1024, LARGE_BINARY);
}

function scaleDown(value: number, base: number, prefixes: readonly string[]): string {
  let rest = value;
  let steps = 0;
  for (; Math.abs(rest) >= base && steps < prefixes.length; steps += 1) rest /= base;
  return formatG(rest, 4) + (prefixes[steps - 1] ?? "");
}

function scaleUp(value: number): string {
  let rest = value;
  let steps = 0;
  for (; Math.abs(rest) < 1 && steps < SMALL.length; steps += 1) rest *= 1000;
  return formatG(rest, 4) + (SMALL[steps - 1] ?? "");
}

function humanizeDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return formatG(seconds, 4);
  if (seconds === 0) return "0s";
  if (Math.abs(seconds) < 1) return `${scaleUp(seconds)}s`;
  const sign = seconds < 0 ? "-" : "";
  const size = Math.abs(seconds);
  const whole = Math.trunc(size);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600) % 24;
  const days = Math.floor(whole / 86_400);
  const tail = `${minutes}m ${whole % 60}s`;
  if (days > 0) return `${sign}${days}d ${hours}h ${tail}`;
  if (hours > 0) return `${sign}${hours}h ${tail}`;
  return minutes > 0 ? sign + tail : `${sign}${formatG(size, 4)}s`;
}

/** As Go prints a time in UTC: `2015-07-02 20:17:19.5 +0000 UTC`, milliseconds at the finest. */
function humanizeTimestamp(seconds: number): string {
  if (!Number.isFinite(seconds)) return formatG(seconds, 4);
  checkTime(seconds);
  const text = formatRfc3339(Math.trunc(seconds * 1000));
  return `${text.slice(0, -1).replace("T", " ")} +0000 UTC`;
}

function titleCase(text: string): string {
  return text.replace(/(^|[^\p{L}\p{N}_'])(\p{L})/gu, (_, before, letter) => {
    return before + letter.toUpperCase();
  });
}

function splitPort(address: string): [host: string, port: string] {
  const [, bracketed, plain, port = ""] =
    /^(?:\[([^[\]]*)\]|([^:[\]]*))(:\d*)$/.exec(address) ?? [];
  return port === "" ? [address, ""] : [bracketed ?? plain ?? "", port];
}

function stripDomain(address: string): string {
  const [host, port] = splitPort(address);
  if (/^[\d.]+$/.test(host) || host.includes(":")) return address;
  return (host.split(".")[0] ?? "") + port;
}

/** Unlike in a matcher, `.` matches no newline, as in Go. */
function compile(pattern: string): RE2JS {
  return compilePattern(pattern, 0);
}

/** As Go's ReplaceAllString. */
function replaceAll([pattern = "", replacement = "", text = ""]: readonly string[]): string {
  const matcher = compile(pattern).matcher(text);
  let result = "";
  let from = 0;
  while (matcher.find()) {
    result += text.slice(from, matcher.start()) + expandReplacement(replacement, matcher);
    from = matcher.end();
    if (result.length > TEMPLATE_OUTPUT_MAX) break; // the caller refuses it
  }
  return result + text.slice(from);
}
