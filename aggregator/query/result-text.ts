import type { SeriesColumns, VectorSample } from "../../shared/model/columns.ts";
import { decimalText, sampleText, secondsText } from "../../shared/model/go-number.ts";
import type { Labels } from "../../shared/model/labels.ts";
import type { QueryResult } from "./result.ts";

/** The JSON of a result as Prometheus' HTTP API writes it, without its type. */
export function resultText(result: QueryResult): string {
  switch (result.type) {
    case "scalar":
      return `[${secondsText(result.timeMs)},"${decimalText(result.value)}"]`;
    case "string":
      return `[${secondsText(result.timeMs)},${JSON.stringify(result.value)}]`;
    case "vector":
      return vectorText(result.samples, result.timeMs);
    case "matrix":
      return `[${result.series.map(seriesText).join(",")}]`;
  }
}

function vectorText(samples: readonly VectorSample[], timeMs: number): string {
  const time = secondsText(timeMs);
  const elements = samples.map(
    ({ labels, value }) =>
      `{"metric":${labelsText(labels)},"value":[${time},"${sampleText(value)}"]}`,
  );
  return `[${elements.join(",")}]`;
}

function seriesText({ labels, times, values }: SeriesColumns): string {
  let text = `{"metric":${labelsText(labels)},"values":[`;
  for (let i = 0; i < times.length; i += 1) {
    if (i > 0) text += ",";
    text += `[${secondsText(times[i] ?? 0)},"${sampleText(values[i] ?? 0)}"]`;
  }
  return `${text}]}`;
}

/** A JSON object; text, because a label may be called `__proto__`. */
export function labelsText(labels: Labels): string {
  let text = "{";
  for (let i = 0; i < labels.length; i += 2) {
    if (i > 0) text += ",";
    text += `${JSON.stringify(labels[i])}:${JSON.stringify(labels[i + 1])}`;
  }
  return `${text}}`;
}
