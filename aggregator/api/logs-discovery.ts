import type { SeriesColumns } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import {
  compareLabels,
  compareText,
  type Labels,
  labelPairs,
  labelValue,
} from "../../shared/model/labels.ts";
import type { ResultLine, TimeRange } from "../model/log-lines.ts";
import type { QuerySpan } from "../query/grid.ts";
import type { QueryResult } from "../query/result.ts";
import type { LogsApi } from "./logs-api.ts";
import { checkLabelName } from "./parameters.ts";
import type { FoundFields } from "./ports.ts";
import type { RunOptions } from "./query-api.ts";

/** What Grafana asks to find out what there is: volumes, labels and fields. */

export type VolumeRequest = {
  readonly selector: string;
  /** Labels that the volumes are told apart by. Empty: those that the selector names. */
  readonly targetLabels: readonly string[];
  /** `labels`: of each label the volume of the streams that have it. */
  readonly by: "series" | "labels";
  readonly limit: number;
};

/** Every stream has the name of its node. */
const EVERYTHING = '{instance=~".+"}';

/** Bytes of the lines of `startUs` <= time < `endUs`, the most first. @throws ApiError */
export async function volumes(
  api: LogsApi,
  request: VolumeRequest,
  range: TimeRange,
  options: RunOptions,
): Promise<QueryResult> {
  const [startMs, endMs] = [Math.floor(range.startUs / 1000), Math.ceil(range.endUs / 1000)];
  const query = volumeQuery(api, request, range, Math.max(1, endMs - startMs));
  const result = await api.metric(query)?.instant(endMs, options);
  const columns = (result?.type === "vector" ? result.samples : []).map(({ labels, value }) => {
    return { labels, times: Float64Array.of(endMs), values: Float64Array.of(value) };
  });
  const samples = largest(columns, request).map(({ labels, values }) => {
    return { labels, value: values[0] ?? 0 };
  });
  return { type: "vector", timeMs: endMs, samples, warnings: [] };
}

/** As `volumes` in each step, up to its time. @throws ApiError */
export async function volumeRange(
  api: LogsApi,
  request: VolumeRequest,
  { startMs, endMs, stepMs }: QuerySpan,
  options: RunOptions,
): Promise<QueryResult> {
  const range = { startUs: startMs * 1000, endUs: endMs * 1000 };
  const span = { startMs: Math.min(startMs + stepMs, endMs), endMs, stepMs };
  const query = volumeQuery(api, request, range, stepMs);
  const result = await api.metric(query)?.range(span, options);
  const columns = result?.type === "matrix" ? result.series : [];
  return { type: "matrix", series: largest(columns, request), warnings: [] };
}

function largest(
  columns: readonly SeriesColumns[],
  { by, limit }: VolumeRequest,
): readonly SeriesColumns[] {
  return (by === "series" ? columns : byLabel(columns))
    .map((one) => ({ one, bytes: one.values.reduce((sum, value) => sum + value, 0) }))
    .sort((a, b) => b.bytes - a.bytes || compareLabels(a.one.labels, b.one.labels))
    .slice(0, limit)
    .map(({ one }) => one);
}

/** Loki names a label of which it tells the volume as one without a value. */
function byLabel(columns: readonly SeriesColumns[]): SeriesColumns[] {
  const sums = new Map<string, Map<number, number>>();
  for (const { labels, times, values } of columns) {
    for (const [name] of labelPairs(labels)) {
      const sum = getOrInsert(sums, name, () => new Map<number, number>());
      times.forEach((timeMs, i) => {
        sum.set(timeMs, (sum.get(timeMs) ?? 0) + (values[i] ?? 0));
      });
    }
  }
  return Array.from(sums, ([name, sum]) => {
    const times = Float64Array.from(sum.keys()).sort();
    const values = times.map((timeMs) => sum.get(timeMs) ?? 0);
    return { labels: [name, ""], times, values };
  });
}

function volumeQuery(
  api: LogsApi,
  { selector, targetLabels }: VolumeRequest,
  range: TimeRange,
  rangeMs: number,
): string {
  const text = selector === "" ? EVERYTHING : selector;
  const asked = selector === "" ? [] : api.selectorNames(selector);
  const named = targetLabels.length > 0 ? targetLabels.map(checkLabelName) : asked;
  const names = named.length > 0 ? named : api.labelNames([text], range).filter(isQueryable);
  // A target label that a stream does not have leaves the stream out, as in Loki.
  const having = targetLabels.map((name) => `| ${name} != ""`).join(" ");
  return `sum by (${names.join(", ")}) (bytes_over_time(${text}\n${having} [${rangeMs}ms])) > 0`;
}

/** Whether LogQL can name it. */
function isQueryable(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
}

export type DetectedLabel = { readonly label: string; readonly cardinality: number };

/** Labels that are of use whatever their values look like. */
const PLACES: ReadonlySet<string> = new Set(["cluster", "namespace", "instance", "pod"]);
const IDENTIFIER = /^(?:\d+(?:\.\d+)?|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12})$/i;

/** Labels of streams but those that are numbers or UUIDs and nothing else, as in Loki. */
export function detectedLabels(streams: readonly Labels[]): DetectedLabel[] {
  const values = new Map<string, Set<string>>();
  for (const labels of streams) {
    for (const [name, value] of labelPairs(labels)) {
      getOrInsert(values, name, () => new Set()).add(value);
    }
  }
  return [...values]
    .filter(([name, all]) => PLACES.has(name) || ![...all].every((one) => IDENTIFIER.test(one)))
    .map(([label, all]) => ({ label, cardinality: all.size }))
    .sort((a, b) => compareText(a.label, b.label));
}

type FieldType = "string" | "int" | "float" | "boolean" | "duration" | "bytes";

export type DetectedField = {
  readonly label: string;
  readonly type: FieldType;
  readonly values: ReadonlySet<string>;
  /** Null: it is metadata, or the query itself parsed it. */
  readonly parser: FoundFields["parser"] | null;
};

type Found = { type: FieldType; parser: DetectedField["parser"]; readonly values: Set<string> };

/** Different values of one field that are kept. */
const VALUES_MAX = 1000;

/**
 * Fields of lines: their metadata, what the query parsed, or else what a parser would find. A name
 * that a label of the stream has already is told as `| json` would name it.
 */
export function detectedFields(
  lines: readonly ResultLine[],
  fieldsOf: (line: string) => FoundFields | null,
  fieldsMax: number,
): DetectedField[] {
  const found = new Map<string, Found>();
  const note = (name: string, value: string, parser: DetectedField["parser"]) => {
    if (!found.has(name) && found.size >= fieldsMax) return;
    const type = typeOf(value);
    const field = getOrInsert(found, name, (): Found => ({ type, parser, values: new Set() }));
    field.type = commonType(field.type, type);
    field.parser ??= parser;
    if (field.values.size < VALUES_MAX) field.values.add(value);
  };
  for (const { labels, stream, line } of lines) {
    const own = labelPairs(labels).filter(([name, value]) => labelValue(stream, name) !== value);
    for (const [name, value] of own) note(name, value, null);
    const parsed = fieldsOf(line);
    for (const [name, value] of labelPairs(parsed?.fields ?? [])) {
      const label = labelValue(stream, name) === "" ? name : `${name}_extracted`;
      if (labelValue(labels, label) === "") note(label, value, parsed?.parser ?? null);
    }
  }
  return Array.from(found, ([label, field]) => ({ label, ...field })).sort((a, b) =>
    compareText(a.label, b.label),
  );
}

const DURATION = /^-?(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|[smh]))+$/;
const BYTES = /^\d+(?:\.\d+)?\s?(?:[kmgtpe]i?)?b$/i;

function typeOf(value: string): FieldType {
  if (/^[-+]?\d{1,18}$/.test(value)) return "int";
  if (/^[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:e[-+]?\d+)?$/i.test(value)) return "float";
  if (/^(?:true|false)$/i.test(value)) return "boolean";
  if (DURATION.test(value)) return "duration";
  return BYTES.test(value) ? "bytes" : "string";
}

function commonType(a: FieldType, b: FieldType): FieldType {
  if (a === b) return a;
  const isNumber = (type: FieldType) => type === "int" || type === "float";
  return isNumber(a) && isNumber(b) ? "float" : "string";
}
