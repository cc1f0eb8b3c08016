import { escapeLabelValue } from "../../../shared/model/escape-label-value.ts";
import { sampleText } from "../../../shared/model/go-number.ts";
import { compareText } from "../../../shared/model/labels.ts";
import { HELP, type ProbeMetric } from "./probe-metrics.ts";

type LabelTexts = Readonly<Record<string, string>>;

/** What a probe found, as gauges; a value that was set stays when the probe goes wrong later. */
export class ProbePage {
  readonly #values = new Map<ProbeMetric, Map<string, number>>();

  set(metric: ProbeMetric, value: number, labels: LabelTexts = {}): void {
    const samples = this.#values.get(metric) ?? new Map<string, number>();
    samples.set(labelsText(labels), value);
    this.#values.set(metric, samples);
  }

  /** In the text format, sorted by name and labels. */
  text(): string {
    let text = "";
    for (const metric of [...this.#values.keys()].sort(compareText)) {
      text += `# HELP ${metric} ${HELP[metric]}\n# TYPE ${metric} gauge\n`;
      const samples = [...(this.#values.get(metric) ?? [])];
      samples.sort(([a], [b]) => compareText(a, b));
      for (const [labels, value] of samples) text += `${metric}${labels} ${sampleText(value)}\n`;
    }
    return text;
  }
}

function labelsText(labels: LabelTexts): string {
  const items = Object.entries(labels)
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, value]) => `${name}="${escapeLabelValue(value)}"`);
  return items.length === 0 ? "" : `{${items.join(",")}}`;
}
