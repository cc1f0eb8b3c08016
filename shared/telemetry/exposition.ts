import { escapeHelp, escapeLabelValue } from "../model/escape-label-value.ts";
import { sampleText } from "../model/go-number.ts";
import { type Labels, labelPairs, labelValue, METRIC_NAME } from "../model/labels.ts";
import type { MetricSample } from "./metrics.ts";

/**
 * Samples in the Prometheus text format, version 0.0.4; samples of one name stand together under
 * its HELP and TYPE lines whatever their order here.
 */
export function expositionText(samples: Iterable<MetricSample>): string {
  const families = new Map<string, { head: string; lines: string[] }>();
  for (const { name, help, type, labels, value } of samples) {
    const family = families.get(name) ?? {
      head: `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`,
      lines: [],
    };
    families.set(name, family);
    family.lines.push(`${name}${braced(labels)} ${sampleText(value)}\n`);
  }
  let text = "";
  for (const { head, lines } of families.values()) text += head + lines.join("");
  return text;
}

function braced(labels: Labels): string {
  if (labels.length === (labelValue(labels, METRIC_NAME) === "" ? 0 : 2)) return "";
  const pairs = labelPairs(labels).filter(([name]) => name !== METRIC_NAME);
  return `{${pairs.map(([name, value]) => `${name}="${escapeLabelValue(value)}"`).join(",")}}`;
}
