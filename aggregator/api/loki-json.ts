import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelPairs, labelsKey, labelValue } from "../../shared/model/labels.ts";
import type { ResultLine, ScanStatistics } from "../model/log-lines.ts";
import type { QueryResult } from "../query/result.ts";
import { labelsText, resultPieces } from "../query/result-pieces.ts";
import type { DetectedField, DetectedLabel } from "./logs-discovery.ts";
import type { LinePattern, LogsResult, StoredSize } from "./ports.ts";

/**
 * The bodies of Loki's HTTP API, `/loki/api/v1`. Source: grafana.com/docs/loki, "Loki HTTP API". Times
 * of lines are Unix nanoseconds in quotes, those of samples seconds.
 */

/** Of a metric query: `matrix`, `vector` or `scalar`. */
export function metricBody(result: LogsResult): Iterable<Uint8Array> {
  const tail = result.warnings.length === 0 ? "" : `,"warnings":${JSON.stringify(result.warnings)}`;
  return bodyPieces(result, `,"stats":${statsText(result.statistics)}}${tail}}`);
}

/** Of volumes, which come without a count of what was read for them. */
export function volumeBody(result: QueryResult): Iterable<Uint8Array> {
  return bodyPieces(result, ',"stats":{}}}');
}

function bodyPieces(result: QueryResult, after: string): Iterable<Uint8Array> {
  const before = `{"status":"success","data":{"resultType":"${result.type}","result":`;
  return resultPieces(before, result, after);
}

/**
 * Of a log query: `streams`. Streams stand in the order of their first lines. Categorised, a stream
 * has the labels of its lines' stream only, and each line says what else it has.
 */
export function streamsBody(
  lines: readonly ResultLine[],
  statistics: ScanStatistics,
  isCategorized = false,
): string {
  const flags = isCategorized ? `,"encodingFlags":["${CATEGORIZE_LABELS}"]` : "";
  const data = `{"resultType":"streams"${flags},"result":${streamsText(lines, isCategorized)}`;
  return `{"status":"success","data":${data},"stats":${statsText(statistics)}}}`;
}

/** What `X-Loki-Response-Encoding-Flags` asks for. */
export const CATEGORIZE_LABELS = "categorize-labels";

/** What a tail sends. */
export function tailText(lines: readonly ResultLine[], isCategorized: boolean): string {
  const flags = isCategorized ? `,"encodingFlags":["${CATEGORIZE_LABELS}"]` : "";
  return `{"streams":${streamsText(lines, isCategorized)},"dropped_entries":null${flags}}`;
}

/** The streams of some lines as a JSON list. */
function streamsText(lines: readonly ResultLine[], isCategorized: boolean): string {
  const streams = new Map<string, { readonly labels: Labels; readonly values: string[] }>();
  for (const one of lines) {
    const { labels, rest } = isCategorized ? categorized(one) : { labels: one.labels, rest: "" };
    const stream = getOrInsert(streams, labelsKey(labels), () => ({ labels, values: [] }));
    stream.values.push(`["${nanosecondsText(one.timeUs)}",${JSON.stringify(one.line)}${rest}]`);
  }
  const texts = Array.from(streams.values(), ({ labels, values }) => {
    return `{"stream":${labelsText(labels)},"values":[${values.join(",")}]}`;
  });
  return `[${texts.join(",")}]`;
}

/** What the stages found or changed is `parsed`, also where it has the name of another label. */
function categorized({ labels, stream, metadata }: ResultLine) {
  if (labels === stream) return { labels, rest: ",{}" };
  const [kept, found, parsed]: [string[], string[], string[]] = [[], [], []];
  for (const [name, value] of labelPairs(labels)) {
    const isKept = labelValue(stream, name) === value;
    const isFound = !isKept && labelValue(metadata, name) === value;
    (isKept ? kept : isFound ? found : parsed).push(name, value);
  }
  const parts = [];
  if (found.length > 0) parts.push(`"structuredMetadata":${labelsText(found)}`);
  if (parsed.length > 0) parts.push(`"parsed":${labelsText(parsed)}`);
  return { labels: kept, rest: `,{${parts.join(",")}}` };
}

/** Unix nanoseconds of Unix microseconds: more digits than a double has. */
export function nanosecondsText(timeUs: number): string {
  return String(BigInt(Math.round(timeUs)) * 1000n);
}

function statsText({ lines, bytes }: ScanStatistics): string {
  const summary = { totalBytesProcessed: bytes, totalLinesProcessed: lines };
  return JSON.stringify({ summary });
}

export function indexStatsBody({ streams, blocks, lines, bytes }: StoredSize): string {
  return JSON.stringify({ streams, chunks: blocks, bytes, entries: lines });
}

export function patternsBody(patterns: readonly LinePattern[]): string {
  const data = patterns.map(({ template, samples }) => {
    return { pattern: template.replace(/(?:<\*>)+/g, "<_>"), samples };
  });
  return JSON.stringify({ status: "success", data });
}

export function detectedLabelsBody(labels: readonly DetectedLabel[]): string {
  return JSON.stringify({ detectedLabels: labels });
}

export function detectedFieldsBody(fields: readonly DetectedField[], limit: number): string {
  const told = fields.map(({ label, type, values, parser }) => {
    return { label, type, cardinality: values.size, parsers: parser === null ? [] : [parser] };
  });
  return JSON.stringify({ fields: told, limit });
}

export function fieldValuesBody(values: readonly string[], limit: number): string {
  return JSON.stringify({ values, limit });
}

/**
 * The version is that of the Loki whose HTTP API this is, which clients decide by; ours stands in
 * `branch`.
 */
export function lokiBuildBody(version: string): string {
  return JSON.stringify({
    version: "3.0.0",
    revision: "",
    branch: `telltale-${version}`,
    buildUser: "",
    buildDate: "",
    goVersion: "",
  });
}
