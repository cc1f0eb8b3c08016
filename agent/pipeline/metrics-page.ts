import { dropLabels, labelValue, METRIC_NAME } from "../../shared/model/labels.ts";
import { scaledValue } from "../../shared/model/series-definition.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import type { Metrics, MetricType } from "../../shared/telemetry/metrics.ts";
import type { FrameEncoder } from "../../shared/wire/frame-encoder.ts";

type Family = { readonly name: string; readonly type: MetricType; readonly help: string };

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
  const byName = new Map(families.map((family) => [family.name, family]));
  const hidden = new Set(["job", ...Object.keys(ownLabels)]);
  const samples = metrics.samples();
  const own = new Set(samples.map(({ name }) => name));
  for (const { labels, scale, value } of encoder.current()) {
    const name = labelValue(labels, METRIC_NAME);
    // What was scraped has a page of its own already.
    if (own.has(name) || labelValue(labels, "instance") !== "") continue;
    const type = name.endsWith("_total") ? "counter" : "gauge";
    samples.push({
      ...(byName.get(name) ?? { name, type, help: "" }),
      labels: dropLabels(labels, hidden),
      value: scaledValue(value, scale),
    });
  }
  return expositionText(samples);
}
