import type { ScrapeConfig } from "../config/scrape-config.ts";
import { PLAIN_HTTP } from "../http/plain-http.ts";

const MEBIBYTE = 1024 ** 2;
const FOUND_INTERVAL_MS = 15_000;
export const FOUND_TIMEOUT_MS = 10_000;

/**
 * The job of targets that were found by themselves; each has a label `job` of its own. Whoever may set a
 * label is not asked to be trusted: no redirects, no secrets, and limits.
 */
export function foundConfig(jobName: string): ScrapeConfig {
  return {
    jobName,
    intervalMs: FOUND_INTERVAL_MS,
    timeoutMs: FOUND_TIMEOUT_MS,
    metricsPath: "/metrics",
    scheme: "http",
    params: {},
    honorLabels: false,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
    enableCompression: true,
    protocols: ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText0.0.4"],
    fallbackProtocol: "PrometheusText0.0.4",
    fields: null,
    limits: {
      bodyBytes: 32 * MEBIBYTE,
      samples: 50_000,
      labels: 0,
      labelNameLength: 256,
      labelValueLength: 4096,
      targets: 0,
      keptDroppedTargets: 0,
    },
    http: PLAIN_HTTP,
    relabel: [],
    metricRelabel: [],
    staticGroups: [],
    fileDiscoveries: [],
    httpDiscoveries: [],
    dockerDiscoveries: [],
  };
}
