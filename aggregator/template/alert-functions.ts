/** The functions of Prometheus' templates. Source: prometheus.io/docs, "Template reference". */

import type { VectorSample } from "../../shared/model/columns.ts";
import { parseDuration } from "../../shared/model/duration.ts";
import { formatG } from "../../shared/model/go-number.ts";
import { compareText, type Labels, labelValue } from "../../shared/model/labels.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import {
  BUILTIN_FUNCTIONS,
  fault,
  fixed,
  numberArg,
  queryText,
  type TemplateFunction,
  textArg,
} from "./functions.ts";
import { goDurationText } from "./go-duration.ts";
import { type TemplateValue, typeName } from "./go-format.ts";
import { UTC } from "./go-time.ts";
import { scaleUp } from "./humanize.ts";
import { replaceFunction, TEXT_FUNCTIONS } from "./text-functions.ts";

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
  ...TEXT_FUNCTIONS,
  ["humanize", fixed(1, (value) => humanize(numberArg(value)))],
  ["humanize1024", fixed(1, (value) => humanize1024(numberArg(value)))],
  ["humanizePercentage", fixed(1, (value) => `${formatG(numberArg(value) * 100, 4)}%`)],
  ["humanizeTimestamp", fixed(1, (value) => humanizeTimestamp(numberArg(value)))],
  ["stripPort", fixed(1, (text) => splitPort(textArg(text))[0])],
  ["stripDomain", fixed(1, (text) => stripDomain(textArg(text)))],
  ["parseDuration", fixed(1, (text) => parseDuration(textArg(text)) / 1000)],
  ["reReplaceAll", replaceFunction(TEMPLATE_OUTPUT_MAX)],
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
  ["toDuration", fixed(1, (seconds) => goDuration(numberArg(seconds)))],
]);

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

function goDuration(seconds: number): string {
  checkTime(seconds);
  return goDurationText(seconds);
}

function checkTime(seconds: number): void {
  const isInRange = Math.abs(seconds) <= 9_223_372_036;
  if (!isInRange) throw fault(`time out of range: ${seconds}`);
}

const LARGE = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_BINARY = LARGE.map((prefix) => `${prefix}i`);
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

/** As Go prints a time in UTC: `2015-07-02 20:17:19.5 +0000 UTC`, milliseconds at the finest. */
function humanizeTimestamp(seconds: number): string {
  if (!Number.isFinite(seconds)) return formatG(seconds, 4);
  checkTime(seconds);
  const text = formatRfc3339(Math.trunc(seconds * 1000));
  return `${text.slice(0, -1).replace("T", " ")} +0000 UTC`;
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
