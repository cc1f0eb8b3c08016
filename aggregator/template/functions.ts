/** The functions of Prometheus' templates (template/template.go) and of text/template itself. */

import type { RE2JS } from "re2js";
import { OperationalError } from "../../shared/errors.ts";
import { parseDuration } from "../../shared/model/duration.ts";
import { formatG, parseGoNumber } from "../../shared/model/go-number.ts";
import { labelValue } from "../../shared/model/labels.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { compilePattern, expandReplacement } from "../matching/pattern.ts";
import { formatValue, isNumber, sprintf, type TemplateValue, typeName } from "./go-format.ts";

export type TemplateFunction = {
  /** Arguments at least and at most. */
  readonly counts: readonly [number, number];
  readonly call: (...args: readonly TemplateValue[]) => TemplateValue;
};

/** Functions Prometheus has and we do not: they ask the database, or make HTML. */
export const UNSUPPORTED_FUNCTIONS: ReadonlySet<string> = new Set(
  (
    "query first label value strvalue args safeHtml graphLink tableLink sortByLabel toTime " +
    "toDuration now call html js slice urlquery urlQueryEscape externalURL pathPrefix"
  ).split(" "),
);

/** Characters that the template of an alert, and a function in one, may produce. */
export const TEMPLATE_OUTPUT_MAX = 16 * 1024;

const MANY = 100;

/** Those of text/template itself. */
export const BUILTIN_FUNCTIONS: readonly (readonly [string, TemplateFunction])[] = [
  // `and` and `or` stop at the first argument that decides; the evaluator sees to that.
  ["and", fixed(1, (...args) => args.at(-1) ?? null, MANY)],
  ["or", fixed(1, (...args) => args.at(-1) ?? null, MANY)],
  ["not", fixed(1, (value) => !isTrue(value))],
  ["eq", fixed(2, (a, ...others) => others.some((b) => isEqual(a, b)), MANY)],
  ["ne", fixed(2, (a, b) => !isEqual(a, b))],
  ["lt", fixed(2, (a, b) => order(a, b) < 0)],
  ["le", fixed(2, (a, b) => order(a, b) <= 0)],
  ["gt", fixed(2, (a, b) => order(b, a) < 0)],
  ["ge", fixed(2, (a, b) => order(b, a) <= 0)],
  ["index", fixed(2, (from, ...keys) => keys.reduce(itemAt, from ?? null), MANY)],
  ["len", fixed(1, (value) => BigInt(lengthOf(value)))],
  ["print", fixed(0, printSpaced, MANY)],
  ["println", fixed(0, (...args) => `${args.map(formatValue).join(" ")}\n`, MANY)],
  ["printf", fixed(1, (format, ...args) => sprintf(textArg(format), args), MANY)],
];

/** What the labels and annotations of an alert may call. */
export const TEMPLATE_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
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
]);

export function fixed(
  least: number,
  call: TemplateFunction["call"],
  most: number = least,
): TemplateFunction {
  return { counts: [least, most], call };
}

/** What an `if` takes for true: anything but false, 0, "", nil and an empty map. */
export function isTrue(value: TemplateValue = null): boolean {
  if (typeof value === "number") return value !== 0;
  if (typeof value !== "object" || value === null) return Boolean(value);
  if (value.kind === "labels") return value.labels.length > 0;
  if (value.kind === "list") return value.items.length > 0;
  return value.kind !== "map" || value.entries.size > 0;
}

function isEqual(a: TemplateValue = null, b: TemplateValue = null): boolean {
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b);
  if (typeof a !== typeof b || typeof a === "object") throw incomparable(a, b);
  return a === b;
}

/** Negative where a < b. Go refuses to compare an int with a float; a number is a number here. */
function order(a: TemplateValue = null, b: TemplateValue = null): number {
  if (isNumber(a) && isNumber(b)) {
    if (Number.isNaN(Number(a)) || Number.isNaN(Number(b))) return Number.NaN;
    return Number(a) < Number(b) ? -1 : Number(Number(a) > Number(b));
  }
  if (typeof a !== "string" || typeof b !== "string") throw incomparable(a, b);
  return a < b ? -1 : Number(a > b);
}

function incomparable(a: TemplateValue, b: TemplateValue): OperationalError {
  return fault(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
}

export function fault(message: string): OperationalError {
  return new OperationalError("PARSE", message);
}

export function textArg(value: TemplateValue = null): string {
  if (typeof value === "string") return value;
  throw fault(`wrong type of argument: ${typeName(value)} where a string is wanted`);
}

function itemAt(value: TemplateValue = null, key: TemplateValue = null): TemplateValue {
  if (typeof value === "object" && value?.kind === "list" && isNumber(key)) {
    const item = value.items[Number(key)];
    if (item !== undefined) return item;
    throw fault(`index out of range: ${formatValue(key)}`);
  }
  if (typeof value === "object" && value?.kind === "labels") {
    return labelValue(value.labels, textArg(key));
  }
  if (typeof value === "object" && value?.kind === "map") {
    return value.entries.get(textArg(key)) ?? null;
  }
  throw fault(`cannot index ${typeName(value)}`);
}

function numberArg(value: TemplateValue = null): number {
  if (isNumber(value)) return Number(value);
  const number = typeof value === "string" ? parseGoNumber(value) : null;
  if (number !== null) return number;
  throw fault(`cannot convert ${typeName(value)} "${formatValue(value)}" to a number`);
}

function lengthOf(value: TemplateValue = null): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value === "object" && value?.kind === "labels") return value.labels.length / 2;
  if (typeof value === "object" && value?.kind === "list") return value.items.length;
  if (typeof value === "object" && value?.kind === "map") return value.entries.size;
  throw fault(`len of ${typeName(value)}`);
}

/** Go's Sprint: a space between two arguments when neither is a string. */
function printSpaced(...args: readonly TemplateValue[]): string {
  let text = "";
  for (const [i, value] of args.entries()) {
    const isSpaced = i > 0 && typeof value !== "string" && typeof args[i - 1] !== "string";
    text += (isSpaced ? " " : "") + formatValue(value);
  }
  return text;
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
  if (Math.abs(seconds) > 9_223_372_036) throw fault(`time out of range: ${seconds}`);
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
