import { dropLabels, labelValue, METRIC_NAME } from "../../shared/model/labels.ts";
import { scaledValue } from "../../shared/model/series-definition.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import type { MetricSample, Metrics } from "../../shared/telemetry/metrics.ts";
import type { FrameEncoder } from "../../shared/wire/frame-encoder.ts";

type Family = { readonly name: string; readonly type: "counter" | "gauge"; readonly help: string };

/**
 * Everything collected, with its last value, in the Prometheus text format. `job` and the agent's
 * own labels are left out: whoever scrapes this page sets those.
 */
export function metricsPage(
  encoder: FrameEncoder,
  families: readonly Family[],
  metrics: Metrics,
  ownLabels: Readonly<Record<string, string>>,
): string {
  const byName = new Map<string, Family>();
  for (const family of families) byName.set(family.name, family);
  const hidden = new Set(["job", ...Object.keys(ownLabels)]);
  const samples: MetricSample[] = [];
  const own = new Set<string>();
  for (const sample of metrics.samples()) {
    samples.push(sample);
    own.add(sample.name);
  }
  for (const { labels, scale, value } of encoder.current()) {
    const name = labelValue(labels, METRIC_NAME);
    if (own.has(name)) continue;
    const { type, help } = byName.get(name) ?? {
      type: name.endsWith("_total") ? "counter" : "gauge",
      help: "",
    };
    samples.push({
      name,
      help,
      type,
      labels: dropLabels(labels, hidden),
      value: scaledValue(value, scale),
    });
  }
  return expositionText(samples);
}
