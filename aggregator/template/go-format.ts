/** Values as Go's fmt package prints them: templates of rule files count on it. */

import { OperationalError } from "../../shared/errors.ts";
import { formatE, formatF, formatG } from "../../shared/model/go-number.ts";
import { compareText, type Labels, labelPairs } from "../../shared/model/labels.ts";
import { goDurationText } from "./go-duration.ts";
import { type GoTime, goTimeText } from "./go-time.ts";

/**
 * A value in a template. A Go float64 is a number, a Go int a bigint: printf tells the two apart.
 * `fields` is a struct, such as the template's root: `.`. A `type` is the name of a Go type that has
 * methods of its own.
 */
export type TemplateValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | { readonly kind: "labels"; readonly labels: Labels; readonly type?: "template.KV" }
  | {
      readonly kind: "fields";
      readonly fields: ReadonlyMap<string, TemplateValue>;
      readonly type?: string;
    }
  | { readonly kind: "time"; readonly time: GoTime }
  | { readonly kind: "duration"; readonly seconds: number }
  | { readonly kind: "list"; readonly items: readonly TemplateValue[]; readonly type?: string }
  /** `text` needs no escaping in this form; elsewhere it is only the text `plain`. */
  | {
      readonly kind: "safe";
      readonly form: "html" | "url";
      readonly text: string;
      readonly plain: string;
    }
  /** Unlike in `fields`, a name that it does not have has no value. */
  | { readonly kind: "map"; readonly entries: ReadonlyMap<string, TemplateValue> };

/** Columns a printf verb may ask for; more serves only to fill the memory. */
const WIDTH_MAX = 1000;

/** As `print` and an action print it. */
export function formatValue(value: TemplateValue): string {
  if (value === null) return "<no value>";
  if (typeof value === "number") return formatG(value, null);
  if (typeof value !== "object") return String(value);
  if (value.kind === "time") return goTimeText(value.time);
  if (value.kind === "duration") return goDurationText(value.seconds);
  if (value.kind === "safe") return value.text;
  if (value.kind === "list") return listText(value);
  if (value.kind === "labels" && value.type !== undefined) return pairsText(value.labels);
  const pairs = pairsOf(value).map(([name, field]) => `${name}:${formatItem(field)}`);
  return `map[${pairs.join(" ")}]`;
}

function listText(list: Extract<TemplateValue, { kind: "list" }>): string {
  const isOfPairs = list.type === "template.Pairs";
  const texts = list.items.map(isOfPairs ? pairText : formatItem);
  return isOfPairs ? texts.join(", ") : `[${texts.join(" ")}]`;
}

function pairText(pair: TemplateValue): string {
  if (typeof pair !== "object" || pair?.kind !== "fields") return formatItem(pair);
  return [...pair.fields.values()].map(formatItem).join("=");
}

/** As Alertmanager prints a set of labels. */
function pairsText(labels: Labels): string {
  return sortedPairs(labels)
    .map((pair) => pair.join("="))
    .join(", ");
}

/** In Alertmanager's order: the alert's name, then the others by name. */
export function sortedPairs(labels: Labels): [name: string, value: string][] {
  const pairs = labelPairs(labels);
  const isName = ([name]: [string, string]) => name === "alertname";
  return [...pairs.filter(isName), ...pairs.filter((pair) => !isName(pair))];
}

function formatItem(value: TemplateValue): string {
  return value === null ? "<nil>" : formatValue(value);
}

/** Names and values of a map in Go's order of ranging over one: by name. */
export function pairsOf(
  value: Extract<TemplateValue, { kind: "labels" | "fields" | "map" }>,
): (readonly [string, TemplateValue])[] {
  if (value.kind === "labels") return labelPairs(value.labels);
  if (value.kind === "fields") return [...value.fields];
  return [...value.entries].sort(([a], [b]) => compareText(a, b));
}

export function isNumber(value: TemplateValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

const OBJECT_TYPES = {
  labels: "map[string]string",
  fields: "template data",
  time: "time.Time",
  duration: "time.Duration",
  safe: "template.HTML",
  list: "[]interface {}",
  map: "map[string]interface {}",
} as const;

export function typeName(value: TemplateValue): string {
  if (value === null) return "<nil>";
  if (typeof value === "number") return "float64";
  if (typeof value === "bigint") return "int";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  return ("type" in value ? value.type : undefined) ?? OBJECT_TYPES[value.kind];
}

const VERB = /%([-+# 0]*)(\d*)(?:\.(\d*))?(.)/gsu;

/**
 * Go's Sprintf: verbs v, s, q, d, f, F, e, g, t, x, X, c and %%; a verb that does not fit its value
 * prints `%!d(string=…)`, as there.
 * @throws OperationalError LIMIT for a width or precision over 1000
 */
export function sprintf(format: string, args: readonly TemplateValue[]): string {
  let used = 0;
  const text = format.replace(VERB, (_, flags: string, width: string, precision, verb: string) => {
    if (verb === "%") return "%";
    const digits = precision === undefined ? null : Number(precision);
    if (Number(width) > WIDTH_MAX || (digits ?? 0) > WIDTH_MAX) {
      throw new OperationalError("LIMIT", `printf width or precision over ${WIDTH_MAX}`);
    }
    if (used >= args.length) return `%!${verb}(MISSING)`;
    const value = args[used] ?? null;
    used += 1;
    const body = formatVerb(verb, value, digits, flags);
    return pad(body, Number(width), flags, isNumber(value));
  });
  if (used === args.length) return text;
  const rest = args.slice(used).map((value) => `${typeName(value)}=${formatValue(value)}`);
  return `${text}%!(EXTRA ${rest.join(", ")})`;
}

function formatVerb(
  verb: string,
  value: TemplateValue,
  digits: number | null,
  flags: string,
): string {
  const body = formatOf(verb, value, digits);
  if (body === null) return `%!${verb}(${typeName(value)}=${formatValue(value)})`;
  const isSigned = flags.includes("+") && isNumber(value);
  return isSigned && !/^[-+]/.test(body) ? `+${body}` : body;
}

/** Null: the verb does not fit the value. */
function formatOf(verb: string, value: TemplateValue, digits: number | null): string | null {
  if (verb === "v") return value === null ? "<nil>" : formatPlain(value, digits);
  if (typeof value === "number") return formatFloat(verb, value, digits);
  if (typeof value === "bigint") return formatInt(verb, value);
  if (typeof value === "boolean") return verb === "t" ? String(value) : null;
  if (verb === "s") return value === null ? null : formatPlain(value, digits);
  if (typeof value !== "string") return null;
  if (verb === "q") return quote(value);
  if (verb === "x") return Buffer.from(value).toString("hex");
  return verb === "X" ? Buffer.from(value).toString("hex").toUpperCase() : null;
}

function formatPlain(value: TemplateValue, digits: number | null): string {
  if (typeof value === "number" && digits !== null) return formatG(value, digits);
  const text = formatValue(value);
  return digits !== null && typeof value === "string" ? [...text].slice(0, digits).join("") : text;
}

function formatFloat(verb: string, value: number, digits: number | null): string | null {
  if (verb === "f" || verb === "F") return formatF(value, digits ?? 6);
  if (verb === "g") return formatG(value, digits);
  return verb === "e" ? formatE(value, digits ?? 6) : null;
}

function formatInt(verb: string, value: bigint): string | null {
  if (verb === "d") return String(value);
  if (verb === "x") return value.toString(16);
  if (verb === "X") return value.toString(16).toUpperCase();
  if (verb !== "c" || value < 0n || value > 0x10ffffn) return null;
  return String.fromCodePoint(Number(value));
}

/** `%q`: a Go string literal. */
function quote(text: string): string {
  return JSON.stringify(text)
    .replaceAll("\\b", "\\b")
    .replace(/\\u00([0-9a-f]{2})/g, "\\x$1");
}

function pad(text: string, width: number, flags: string, isOfNumber: boolean): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || !isOfNumber) return text.padStart(width);
  const sign = /^[-+]/.test(text) ? text.slice(0, 1) : "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}
