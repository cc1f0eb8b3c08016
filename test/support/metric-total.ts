import type { Metrics } from "../../shared/telemetry/metrics.ts";

/** The sum of all series of this name, or of those with this label value. */
export function metricTotal(metrics: Metrics, nameOrLabel: string): number {
  const samples = metrics.samples().filter(({ labels }) => labels.includes(nameOrLabel));
  return samples.reduce((sum, { value }) => sum + value, 0);
}
