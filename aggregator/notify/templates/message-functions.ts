/** Functions of messages. Source: Alertmanager's "Notification template reference", "Functions". */

import { OperationalError } from "../../../shared/errors.ts";
import {
  BUILTIN_FUNCTIONS,
  fault,
  fixed,
  htmlText,
  printSpaced,
  queryText,
  type TemplateFunction,
  textArg,
} from "../../template/functions.ts";
import type { TemplateValue } from "../../template/go-format.ts";
import { formatGoTime, type GoZone, goZone, UTC } from "../../template/go-time.ts";
import { durationBetween, timeArg } from "../../template/methods.ts";
import { replaceFunction, TEXT_FUNCTIONS } from "../../template/text-functions.ts";
import { jsonText } from "./json-text.ts";
import { markdownText, mrkdwnText } from "./markup.ts";
import { itemsArg, textList, textsArg } from "./message-values.ts";

/** Characters that a text of a message, and a function in one, may produce. */
export const MESSAGE_OUTPUT_MAX = 1024 * 1024;

const MANY = 100;
/** Of values in a list or map that a template makes. */
const VALUES_MAX = 10_000;
const DEPTH_MAX = 20;

export const MESSAGE_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
  ...BUILTIN_FUNCTIONS,
  ...TEXT_FUNCTIONS,
  ["trimSpace", fixed(1, (text) => textArg(text).trim())],
  ["join", fixed(2, (separator, texts) => joined(textArg(separator), textsArg(texts)))],
  ["stringSlice", fixed(0, (...texts) => textList(texts.map(textArg)), MANY)],
  ["reReplaceAll", replaceFunction(MESSAGE_OUTPUT_MAX)],
  ["urlUnescape", fixed(1, (text) => urlUnescaped(textArg(text)))],
  ["safeHtml", fixed(1, (text) => textArg(text))],
  ["safeUrl", fixed(1, (text) => textArg(text))],
  ["date", fixed(2, (layout, time) => formatGoTime(timeArg(time), textArg(layout)))],
  ["tz", fixed(2, inZone)],
  ["toJson", fixed(1, (value) => jsonText(value ?? null, MESSAGE_OUTPUT_MAX))],
  ["list", fixed(0, (...items) => bounded({ kind: "list", items }), MANY)],
  ["append", fixed(1, appended, MANY)],
  ["dict", fixed(0, mapOf, MANY)],
  ["markdown", fixed(1, (text) => markdownText(textArg(text)))],
  ["mrkdwn", fixed(1, (text) => mrkdwnText(textArg(text)))],
]);

/** Functions that know when they run. */
export function timedFunctions(nowMs: number): ReadonlyMap<string, TemplateFunction> {
  const now = { timeUs: nowMs * 1000, zone: UTC };
  return new Map([["since", fixed(1, (time) => durationBetween(timeArg(time), now))]]);
}

/** What they say is safe stands in HTML as it is. */
export const HTML_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map([
  ["safeHtml", fixed(1, (text) => safe("html", textArg(text)))],
  ["safeUrl", fixed(1, (text) => safe("url", textArg(text)))],
  [
    "html",
    fixed(
      1,
      (...args) => {
        const plain = printSpaced(...args);
        return safe("html", htmlText(plain), plain);
      },
      MANY,
    ),
  ],
  ["urlquery", fixed(1, (...args) => safe("url", queryText(printSpaced(...args))), MANY)],
]);

function safe(form: "html" | "url", text: string, plain = text): TemplateValue {
  return { kind: "safe", form, text, plain };
}

function joined(separator: string, texts: readonly string[]): string {
  const length = texts.reduce((sum, text) => sum + text.length + separator.length, 0);
  if (length <= MESSAGE_OUTPUT_MAX) return texts.join(separator);
  throw new OperationalError("LIMIT", `join gave over ${MESSAGE_OUTPUT_MAX} characters`);
}

function urlUnescaped(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", "%20"));
  } catch {
    throw fault(`not URL-encoded: "${text.slice(0, 60)}"`);
  }
}

function inZone(name: TemplateValue = null, time: TemplateValue = null): TemplateValue {
  const { timeUs } = timeArg(time);
  return { kind: "time", time: { timeUs, zone: zoneOf(textArg(name)) } };
}

function zoneOf(name: string): GoZone {
  const zone = goZone(name);
  if (zone === null) throw fault(`unknown time zone ${name.slice(0, 60)}`);
  return zone;
}

function appended(list: TemplateValue = null, ...more: readonly TemplateValue[]): TemplateValue {
  return bounded({ kind: "list", items: [...itemsArg(list), ...more] });
}

function mapOf(...args: readonly TemplateValue[]): TemplateValue {
  if (args.length % 2 !== 0) throw fault("dict wants a value for every name");
  const entries = new Map<string, TemplateValue>();
  for (let i = 0; i < args.length; i += 2) entries.set(textArg(args[i]), args[i + 1] ?? null);
  return bounded({ kind: "map", entries });
}

/** So that lists in lists do not grow with every turn of a range. */
function bounded(value: TemplateValue): TemplateValue {
  let rest = VALUES_MAX;
  let characters = MESSAGE_OUTPUT_MAX;
  const visit = (one: TemplateValue, depth: number) => {
    rest -= 1;
    if (typeof one === "string") characters -= one.length;
    if (rest < 0 || characters < 0 || depth > DEPTH_MAX) {
      throw new OperationalError("LIMIT", "list or dict over its limit");
    }
    for (const item of valuesIn(one)) visit(item, depth + 1);
  };
  visit(value, 0);
  return value;
}

/** The alerts of a notification are not a template's own, however many they are. */
function valuesIn(value: TemplateValue): Iterable<TemplateValue> {
  if (typeof value !== "object" || value === null) return [];
  if (value.kind === "map") return value.entries.values();
  return value.kind === "list" && value.type !== "template.Alerts" ? value.items : [];
}
