/** The functions of Loki's templates, in line_format and label_format. Source: Loki's documentation. */

import { OperationalError } from "../../shared/errors.ts";
import { parseGoNumber } from "../../shared/model/go-number.ts";
import { compilePattern, expandReplacement } from "../matching/pattern.ts";
import {
  BUILTIN_FUNCTIONS,
  fault,
  fixed,
  type TemplateFunction,
  textArg,
} from "../template/functions.ts";
import { isNumber, type TemplateValue, typeName } from "../template/go-format.ts";
import { UTC } from "../template/go-time.ts";
import type { TemplateNames } from "../template/parse.ts";
import { jsonValue } from "./template-json.ts";
import { TIME_FUNCTIONS, timeValue } from "./template-time.ts";
import { parseBytes, parseSeconds } from "./units.ts";

/** Characters that a template, and a function in one, may produce. */
export const LINE_OUTPUT_MAX = 1024 * 1024;

const MANY = 100;

/** The line that a template is at. */
export type CurrentLine = { line: string; timeUs: number };

/** Functions that Loki has and we do not: the same query has the same answer whenever it is asked. */
const UNSUPPORTED: ReadonlySet<string> = new Set("now call".split(" "));

/** What a template may name that is run with `current` set to its line. */
export function lineTemplateNames(current: CurrentLine): TemplateNames {
  const functions = new Map<string, TemplateFunction>([
    ...BUILTIN_FUNCTIONS,
    ...TEXT_FUNCTIONS,
    ...NUMBER_FUNCTIONS,
    ...TIME_FUNCTIONS,
    ["fromJson", fixed(1, (text) => jsonValue(textArg(text)))],
    ["__line__", fixed(0, () => current.line)],
    ["__timestamp__", fixed(0, () => timeValue({ timeUs: current.timeUs, zone: UTC }))],
  ]);
  return { variables: ["$"], functions, unsupported: UNSUPPORTED };
}

const TEXT_FUNCTIONS: readonly (readonly [string, TemplateFunction])[] = [
  ...named(
    "lower ToLower",
    onText((text) => text.toLowerCase()),
  ),
  ...named(
    "upper ToUpper",
    onText((text) => text.toUpperCase()),
  ),
  ["title", onText(titleCase)],
  ...named(
    "trim TrimSpace",
    onText((text) => text.trim()),
  ),
  ["trimAll", onTexts(2, ([set = "", text = ""]) => trimmed(text, set, "both"))],
  ["Trim", onTexts(2, ([text = "", set = ""]) => trimmed(text, set, "both"))],
  ["TrimLeft", onTexts(2, ([text = "", set = ""]) => trimmed(text, set, "left"))],
  ["TrimRight", onTexts(2, ([text = "", set = ""]) => trimmed(text, set, "right"))],
  ["trimPrefix", onTexts(2, ([prefix = "", text = ""]) => withoutPrefix(text, prefix))],
  ["TrimPrefix", onTexts(2, ([text = "", prefix = ""]) => withoutPrefix(text, prefix))],
  ["trimSuffix", onTexts(2, ([suffix = "", text = ""]) => withoutSuffix(text, suffix))],
  ["TrimSuffix", onTexts(2, ([text = "", suffix = ""]) => withoutSuffix(text, suffix))],
  ["replace", onTexts(3, ([from = "", to = "", text = ""]) => replaced(text, from, to))],
  ["Replace", fixed(4, replaceCounted)],
  ["contains", fixed(2, (part, text) => textArg(text).includes(textArg(part)))],
  ["hasPrefix", fixed(2, (part, text) => textArg(text).startsWith(textArg(part)))],
  ["hasSuffix", fixed(2, (part, text) => textArg(text).endsWith(textArg(part)))],
  [
    "default",
    fixed(2, (other, value) => (value === "" || value === null ? (other ?? null) : value)),
  ],
  ["repeat", fixed(2, (count, text) => repeated(textArg(text), wholeArg(count)))],
  ["trunc", fixed(2, (count, text) => truncated(textArg(text), wholeArg(count)))],
  ["substr", fixed(3, (from, to, text) => part(textArg(text), wholeArg(from), wholeArg(to)))],
  ["alignLeft", fixed(2, (width, text) => aligned(textArg(text), wholeArg(width), true))],
  ["alignRight", fixed(2, (width, text) => aligned(textArg(text), wholeArg(width), false))],
  ["indent", fixed(2, (width, text) => indented(textArg(text), wholeArg(width)))],
  ["nindent", fixed(2, (width, text) => `\n${indented(textArg(text), wholeArg(width))}`)],
  ["count", onTexts(2, ([pattern = "", text = ""]) => BigInt(countMatches(pattern, text)))],
  ["regexReplaceAll", onTexts(3, (texts) => replaceMatches(texts, false))],
  ["regexReplaceAllLiteral", onTexts(3, (texts) => replaceMatches(texts, true))],
  ["urlencode", onText(urlEncoded)],
  ["urldecode", onText(urlDecoded)],
  ["b64enc", onText((text) => Buffer.from(text).toString("base64"))],
  ["b64dec", onText((text) => Buffer.from(text, "base64").toString())],
  ["bytes", onText((text) => quantity(parseBytes(text), text, "a size"))],
  ...named(
    "duration duration_seconds",
    onText((text) => quantity(parseSeconds(text), text, "a duration")),
  ),
];

const NUMBER_FUNCTIONS: readonly (readonly [string, TemplateFunction])[] = [
  ["int", fixed(1, (value) => BigInt(wholeArg(value)))],
  ["float64", fixed(1, (value) => floatArg(value))],
  ["add", onWholes(MANY, (numbers) => numbers.reduce((a, b) => a + b))],
  ["sub", onWholes(2, ([a = 0n, b = 0n]) => a - b)],
  ["mul", onWholes(MANY, (numbers) => numbers.reduce((a, b) => a * b))],
  ["div", onWholes(2, ([a = 0n, b = 0n]) => a / notZero(b))],
  ["mod", onWholes(2, ([a = 0n, b = 0n]) => a % notZero(b))],
  ["max", onWholes(MANY, (numbers) => numbers.reduce(larger))],
  ["min", onWholes(MANY, (numbers) => numbers.reduce(smaller))],
  ["addf", onFloats((a, b) => a + b)],
  ["subf", onFloats((a, b) => a - b)],
  ["mulf", onFloats((a, b) => a * b)],
  ["divf", onFloats((a, b) => a / b)],
  ["maxf", onFloats(Math.max)],
  ["minf", onFloats(Math.min)],
  ["ceil", fixed(1, (value) => Math.ceil(floatArg(value)))],
  ["floor", fixed(1, (value) => Math.floor(floatArg(value)))],
  ["round", fixed(2, (value, places) => rounded(floatArg(value), wholeArg(places)), 3)],
];

function named(names: string, one: TemplateFunction): [string, TemplateFunction][] {
  return names.split(" ").map((name) => [name, one]);
}

function onText(work: (text: string) => TemplateValue): TemplateFunction {
  return fixed(1, (text) => work(textArg(text)));
}

function onTexts(
  count: number,
  work: (texts: readonly string[]) => TemplateValue,
): TemplateFunction {
  return fixed(count, (...args) => work(args.map(textArg)));
}

function onWholes(most: number, work: (numbers: readonly bigint[]) => bigint): TemplateFunction {
  const least = most === 2 ? 2 : 1;
  const call = (...args: readonly TemplateValue[]) =>
    BigInt.asIntN(64, work(args.map((arg) => BigInt(wholeArg(arg)))));
  return fixed(least, call, most);
}

function onFloats(work: (a: number, b: number) => number): TemplateFunction {
  return fixed(1, (...args) => args.map(floatArg).reduce((a, b) => work(a, b)), MANY);
}

/** What is no number is 0, as in the library that Loki uses. */
function floatArg(value: TemplateValue = null): number {
  if (isNumber(value)) return Number(value);
  if (typeof value === "string") return parseGoNumber(value) ?? 0;
  if (typeof value === "boolean") return Number(value);
  throw fault(`cannot convert ${typeName(value)} to a number`);
}

function wholeArg(value: TemplateValue = null): number {
  const number = Math.trunc(floatArg(value));
  return Number.isFinite(number) ? number : 0;
}

function larger(a: bigint, b: bigint): bigint {
  return [b, a][Number(a > b)] ?? a;
}

function smaller(a: bigint, b: bigint): bigint {
  return larger(a, b) === a ? b : a;
}

function notZero(divisor: bigint): bigint {
  if (divisor === 0n) throw fault("integer divide by zero");
  return divisor;
}

function rounded(value: number, places: number): number {
  const scale = 10 ** Math.min(Math.max(places, 0), 15);
  return Math.round(value * scale) / scale;
}

function quantity(value: number | null, text: string, what: string): number {
  if (value === null) throw fault(`not ${what}: "${text.slice(0, 60)}"`);
  return value;
}

/** Before text is made that would be thrown away. */
function checkLength(length: number): void {
  if (length <= LINE_OUTPUT_MAX) return;
  throw new OperationalError("LIMIT", `text over ${LINE_OUTPUT_MAX} characters`);
}

function titleCase(text: string): string {
  return text.replace(/(^|\s)(\p{L})/gu, (_, before, letter) => before + letter.toUpperCase());
}

function trimmed(text: string, set: string, side: "left" | "right" | "both"): string {
  let from = 0;
  let to = text.length;
  while (side !== "right" && from < to && set.includes(text[from] ?? "")) from += 1;
  while (side !== "left" && to > from && set.includes(text[to - 1] ?? "")) to -= 1;
  return text.slice(from, to);
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function withoutSuffix(text: string, suffix: string): string {
  return suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}

function replaced(text: string, from: string, to: string): string {
  checkLength(text.length + (from === "" ? text.length + 1 : text.split(from).length) * to.length);
  return text.replaceAll(from, () => to);
}

function replaceCounted(...args: readonly TemplateValue[]): string {
  const [text = "", from = "", to = ""] = args.slice(0, 3).map(textArg);
  const count = wholeArg(args[3]);
  if (count < 0) return replaced(text, from, to);
  const parts = text.split(from);
  const most = Math.min(count, parts.length - 1);
  checkLength(text.length + most * to.length);
  return [...parts.slice(0, most), parts.slice(most).join(from)].join(to);
}

function repeated(text: string, count: number): string {
  checkLength(text.length * count);
  return text.repeat(Math.max(0, count));
}

function truncated(text: string, count: number): string {
  return count < 0 ? text.slice(count) : text.slice(0, count);
}

function part(text: string, from: number, to: number): string {
  if (from < 0) return text.slice(0, Math.max(0, to));
  return to < 0 || to > text.length ? text.slice(from) : text.slice(from, to);
}

function aligned(text: string, width: number, isLeft: boolean): string {
  checkLength(width);
  const characters = Array.from(text);
  const count = Math.max(0, width);
  if (characters.length >= count) {
    return (isLeft ? characters.slice(0, count) : characters.slice(characters.length - count)).join(
      "",
    );
  }
  const fill = " ".repeat(count - characters.length);
  return isLeft ? text + fill : fill + text;
}

function indented(text: string, width: number): string {
  const lines = text.split("\n");
  checkLength(text.length + lines.length * width);
  const fill = " ".repeat(Math.max(0, width));
  return lines.map((line) => fill + line).join("\n");
}

function countMatches(pattern: string, text: string): number {
  const matcher = compilePattern(pattern, 0).matcher(text);
  let count = 0;
  while (matcher.find()) count += 1;
  return count;
}

function replaceMatches([pattern = "", text = "", to = ""]: readonly string[], isLiteral: boolean) {
  const matcher = compilePattern(pattern, 0).matcher(text);
  let result = "";
  let from = 0;
  while (matcher.find()) {
    result += text.slice(from, matcher.start());
    result += isLiteral ? to : expandReplacement(to, matcher);
    from = matcher.end();
    checkLength(result.length);
  }
  return result + text.slice(from);
}

function urlEncoded(text: string): string {
  const wellFormed = Buffer.from(text).toString(); // a lone surrogate would be refused
  return encodeURIComponent(wellFormed)
    .replaceAll("%20", "+")
    .replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function urlDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", "%20"));
  } catch {
    throw fault(`not URL-encoded: "${text.slice(0, 60)}"`);
  }
}
