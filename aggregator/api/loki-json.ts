import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";
import type { ResultLine, ScanStatistics } from "../model/log-lines.ts";
import { labelsText, resultText } from "../query/result-text.ts";
import type { LogsResult } from "./ports.ts";

/**
 * The bodies of Loki's HTTP API, `/loki/api/v1/query` and `query_range`. Source: grafana.com/docs/loki,
 * "Loki HTTP API". Times of lines are Unix nanoseconds in quotes, those of samples seconds.
 */

/** Of a metric query: `matrix`, `vector` or `scalar`. */
export function metricBody(result: LogsResult): string {
  const data = `{"resultType":"${result.type}","result":${resultText(result)}`;
  const tail = result.warnings.length === 0 ? "" : `,"warnings":${JSON.stringify(result.warnings)}`;
  return `{"status":"success","data":${data},"stats":${statsText(result.statistics)}}${tail}}`;
}

/** Of a log query: `streams`. Streams stand in the order of their first lines. */
export function streamsBody(lines: readonly ResultLine[], statistics: ScanStatistics): string {
  const data = `{"resultType":"streams","result":${streamsText(lines)}`;
  return `{"status":"success","data":${data},"stats":${statsText(statistics)}}}`;
}

/** The streams of some lines as a JSON list. */
function streamsText(lines: readonly ResultLine[]): string {
  const streams = new Map<string, { readonly labels: Labels; readonly values: string[] }>();
  for (const { labels, timeUs, line } of lines) {
    const stream = getOrInsert(streams, labelsKey(labels), () => ({ labels, values: [] }));
    stream.values.push(`["${nanosecondsText(timeUs)}",${JSON.stringify(line)}]`);
  }
  const texts = Array.from(streams.values(), ({ labels, values }) => {
    return `{"stream":${labelsText(labels)},"values":[${values.join(",")}]}`;
  });
  return `[${texts.join(",")}]`;
}

/** Unix nanoseconds of Unix microseconds: more digits than a double has. */
export function nanosecondsText(timeUs: number): string {
  return String(BigInt(Math.round(timeUs)) * 1000n);
}

function statsText({ lines, bytes }: ScanStatistics): string {
  const summary = { totalBytesProcessed: bytes, totalLinesProcessed: lines };
  return JSON.stringify({ summary });
}
