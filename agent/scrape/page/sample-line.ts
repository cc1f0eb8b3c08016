import { sampleText } from "../../../shared/model/go-number.ts";
import { type Labels, labelPairs, labelValue, METRIC_NAME } from "../../../shared/model/labels.ts";

const PLAIN_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * A sample as the text format writes it, without a newline; names that it has no words for stand in
 * quotes, as Prometheus writes them.
 * @param labels with the metric's name
 * @param timeMs NaN: none
 */
export function sampleLine(labels: Labels, value: number, timeMs: number): string {
  const metric = labelValue(labels, METRIC_NAME);
  const isPlain = PLAIN_METRIC.test(metric);
  const items = isPlain ? [] : [quoted(metric)];
  for (const [name, text] of labelPairs(labels)) {
    if (name === METRIC_NAME) continue;
    items.push(`${PLAIN_LABEL.test(name) ? name : quoted(name)}=${quoted(text)}`);
  }
  const braces = items.length === 0 ? "" : `{${items.join(",")}}`;
  const time = Number.isNaN(timeMs) ? "" : ` ${timeMs}`;
  return `${isPlain ? metric : ""}${braces} ${sampleText(value)}${time}`;
}

function quoted(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
  return `"${escaped}"`;
}
