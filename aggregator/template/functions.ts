/** The functions of text/template itself. Source: pkg.go.dev/text/template. */

import { OperationalError } from "../../shared/errors.ts";
import { parseGoNumber } from "../../shared/model/go-number.ts";
import { labelValue } from "../../shared/model/labels.ts";
import { formatValue, isNumber, sprintf, type TemplateValue, typeName } from "./go-format.ts";

export type TemplateFunction = {
  /** Arguments at least and at most. */
  readonly counts: readonly [number, number];
  readonly call: (...args: readonly TemplateValue[]) => TemplateValue;
};

const MANY = 100;

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
  ["slice", fixed(1, (from, ...bounds) => sliceOf(from, bounds), 3)],
  ["html", fixed(1, (...args) => htmlText(printSpaced(...args)), MANY)],
  ["js", fixed(1, (...args) => scriptText(printSpaced(...args)), MANY)],
  ["urlquery", fixed(1, (...args) => queryText(printSpaced(...args)), MANY)],
];

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
  if (value.kind === "duration") return value.seconds !== 0;
  if (value.kind === "safe") return value.text !== "";
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
  if (typeof value === "object" && value?.kind === "safe") return value.text;
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

function lengthOf(value: TemplateValue = null): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value === "object" && value?.kind === "labels") return value.labels.length / 2;
  if (typeof value === "object" && value?.kind === "list") return value.items.length;
  if (typeof value === "object" && value?.kind === "map") return value.entries.size;
  throw fault(`len of ${typeName(value)}`);
}

/** A number, a text that is one, or the seconds of a duration. */
export function numberArg(value: TemplateValue = null): number {
  if (isNumber(value)) return Number(value);
  if (typeof value === "object" && value?.kind === "duration") return value.seconds;
  const number = typeof value === "string" ? parseGoNumber(value) : null;
  if (number !== null) return number;
  throw fault(`cannot convert ${typeName(value)} "${formatValue(value)}" to a number`);
}

/** Go's Sprint: a space between two arguments when neither is a string. */
export function printSpaced(...args: readonly TemplateValue[]): string {
  let text = "";
  for (const [i, value] of args.entries()) {
    const isSpaced = i > 0 && typeof value !== "string" && typeof args[i - 1] !== "string";
    text += (isSpaced ? " " : "") + formatValue(value);
  }
  return text;
}

/** Of a text its bytes. */
function sliceOf(value: TemplateValue = null, bounds: readonly TemplateValue[]): TemplateValue {
  const bytes = typeof value === "string" ? Buffer.from(value) : null;
  const items = typeof value === "object" && value?.kind === "list" ? value.items : null;
  const length = bytes?.length ?? items?.length;
  if (length === undefined) throw fault(`can't slice item of type ${typeName(value)}`);
  const [from = 0n, to = BigInt(length)] = bounds;
  const isInside = isNumber(from) && isNumber(to) && from >= 0 && from <= to && to <= length;
  if (!isInside) throw fault(`index out of range: ${bounds.map(formatValue).join(", ")}`);
  const [start, end] = [Number(from), Number(to)];
  if (bytes !== null) return bytes.toString("utf8", start, end);
  return { kind: "list", items: (items ?? []).slice(start, end) };
}

const HTML = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&#34;"],
  ["'", "&#39;"],
  ["\0", "\ufffd"],
]);

export function htmlText(text: string): string {
  return text.replace(/[&<>"'\0]/g, (character) => HTML.get(character) ?? character);
}

function scriptText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  return text.replace(/[\\'"]|[<>&=\u0000-\u001f]/g, (character) => {
    if (/[\\'"]/.test(character)) return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

/** As Go's url.QueryEscape. */
export function queryText(text: string): string {
  let escaped = "";
  for (const byte of Buffer.from(text)) {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9._~-]/.test(character)) escaped += character;
    else if (character === " ") escaped += "+";
    else escaped += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}
