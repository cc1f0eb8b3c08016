import { escapeHelp, escapeLabelValue } from "../../../shared/model/escape-label-value.ts";
/**
 * An answer of JSON as a page in Prometheus' text format, which is read like any other. Each value that
 * a field's path comes to is a sample: numbers as they are, `true` and `false` as 1 and 0, texts that are
 * numbers as those. Null, and a path that leads nowhere, are no samples; other values are left out and
 * counted. An array at the end of a path stands for its elements.
 */

import { parseBoundedJson } from "./bounded-json.ts";
import type { JsonField, JsonLabel } from "./json-field.ts";
import { ALL, type JsonPath } from "./json-path.ts";

/** Why a value is not a sample. */
type JsonLeftOut =
  | "json_not_a_number" // a text, an object, a list in a list
  | "json_label" // what should be a label is an object or a list
  | "series_of_metric";

export type JsonPage = {
  readonly page: Buffer;
  readonly leftOut: ReadonlyMap<JsonLeftOut, number>;
};

/** What a scrape of JSON asks for. */
export const JSON_ACCEPTED = "application/json,*/*;q=0.1";
/** Of one field. */
const SAMPLES_MAX = 50_000;
const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

/** @throws OperationalError PARSE, LIMIT when it is no JSON, or more than there may be */
export function jsonPage(body: Uint8Array, fields: readonly JsonField[]): JsonPage {
  const root = parseBoundedJson(body);
  const leftOut = new Map<JsonLeftOut, number>();
  const lines: string[] = [];
  for (const field of fields) {
    const { name, type, unit, help } = field;
    if (help !== "") lines.push(`# HELP ${name} ${escapeHelp(help)}`);
    if (unit !== "") lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# TYPE ${name} ${type}`);
    const samples = new FieldSamples(field);
    samples.walk(root, 0, []);
    for (const line of samples.lines) lines.push(line);
    for (const [reason, n] of samples.leftOut) leftOut.set(reason, (leftOut.get(reason) ?? 0) + n);
  }
  lines.push("");
  return { page: Buffer.from(lines.join("\n")), leftOut };
}

type Pair = readonly [name: string, value: string];

/** The samples of one field in one answer. */
class FieldSamples {
  readonly lines: string[] = [];
  readonly leftOut = new Map<JsonLeftOut, number>();
  readonly #field: JsonField;
  /** Where the last of the path's `ALL` is, after which the labels' paths begin; -1: nowhere. */
  readonly #lastAll: number;
  /** Which of the places is the labels' element. */
  readonly #elementDepth: number;
  #element: unknown = null;

  constructor(field: JsonField) {
    this.#field = field;
    this.#lastAll = field.path.lastIndexOf(ALL);
    this.#elementDepth = Math.max(0, field.path.filter((step) => step === ALL).length - 1);
  }

  /** @param places of the elements on the way, as labels */
  walk(value: unknown, at: number, places: readonly Pair[]): void {
    const { path } = this.#field;
    if (at === 0 && this.#lastAll < 0) this.#element = value;
    const step = path[at];
    if (step === undefined) this.#end(value, places);
    else if (step !== ALL) this.walk(memberAt(value, [step]), at + 1, places);
    else {
      for (const [place, element] of elementsOf(value)) {
        if (at === this.#lastAll) this.#element = element;
        this.walk(element, at + 1, [...places, numbered(place, places.length)]);
      }
    }
  }

  #end(value: unknown, places: readonly Pair[]): void {
    if (!Array.isArray(value)) {
      this.#sample(value, places);
      return;
    }
    for (const [place, element] of elementsOf(value)) {
      // Without a wildcard before it, it is the elements that the labels are of.
      if (this.#lastAll < 0) this.#element = element;
      this.#sample(element, [...places, numbered(place, places.length)]);
    }
  }

  #sample(value: unknown, places: readonly Pair[]): void {
    if (value === null || value === undefined) return;
    const number = numberOf(value);
    const labels = number === null ? null : this.#labelsOf(places);
    if (this.lines.length >= SAMPLES_MAX) this.#leaveOut("series_of_metric");
    else if (number === null) this.#leaveOut("json_not_a_number");
    else if (labels === null) this.#leaveOut("json_label");
    else this.lines.push(`${this.#field.name}${formatted(labels)} ${number}`);
  }

  /** Null: one of them cannot be a label. */
  #labelsOf(places: readonly Pair[]): readonly Pair[] | null {
    const { labels } = this.#field;
    if (labels === null) return places;
    // Which element it is, the labels say that were asked for.
    const pairs = places.filter((_, depth) => depth !== this.#elementDepth);
    for (const label of labels) {
      const text = labelText(label, this.#element);
      if (text === null) return null;
      if (text !== "") pairs.push([label.name, text]);
    }
    return pairs;
  }

  #leaveOut(reason: JsonLeftOut): void {
    this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + 1);
  }
}

/** The name, or the place in its array, of each element; none of what is neither array nor object. */
function* elementsOf(value: unknown): Generator<readonly [place: Pair, element: unknown]> {
  if (Array.isArray(value)) {
    for (const [i, element] of value.entries()) yield [["index", String(i)], element];
  } else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) yield [["key", key], Reflect.get(value, key)];
  }
}

/** Labels of elements in elements: `index`, `index_2`, … */
function numbered([name, value]: Pair, depth: number): Pair {
  return depth === 0 ? [name, value] : [`${name}_${depth + 1}`, value];
}

/** Undefined where there is nothing. Only an object's own names count: `__proto__` is one like others. */
function memberAt(from: unknown, path: JsonPath): unknown {
  let value = from;
  for (const step of path) {
    if (step === ALL || typeof value !== "object" || value === null) return undefined;
    if ("index" in step) value = Array.isArray(value) ? value.at(step.index) : undefined;
    else {
      const isThere = !Array.isArray(value) && Object.hasOwn(value, step.name);
      value = isThere ? Reflect.get(value, step.name) : undefined;
    }
  }
  return value;
}

function numberOf(value: unknown): number | null {
  if (typeof value === "boolean") return Number(value);
  const isNumber = typeof value === "number" || (typeof value === "string" && NUMBER.test(value));
  const number = isNumber ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : null;
}

/** "" where there is nothing; null: it is not a text. */
function labelText(label: JsonLabel, element: unknown): string | null {
  if ("text" in label) return label.text;
  const value = memberAt(element, label.path) ?? "";
  return typeof value === "object" ? null : String(value);
}

function formatted(labels: readonly Pair[]): string {
  if (labels.length === 0) return "";
  const pairs = labels.map(([name, value]) => `${name}="${escapeLabelValue(value)}"`);
  return `{${pairs.join(",")}}`;
}
