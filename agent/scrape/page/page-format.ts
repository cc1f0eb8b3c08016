import type { ScrapeProtocol } from "../config/scrape-config.ts";

const TYPES: Readonly<Record<ScrapeProtocol, string>> = {
  "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
  "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
  "PrometheusText1.0.0": "text/plain;version=1.0.0",
  "PrometheusText0.0.4": "text/plain;version=0.0.4",
};

/** What a scrape asks for, the first preferred. Source: Prometheus' scrape. */
export function acceptedTypes(protocols: readonly ScrapeProtocol[]): string {
  const types = protocols.map((one, i) => `${TYPES[one]};q=0.${9 - i}`);
  return [...types, "*/*;q=0.1"].join(",");
}

/** The format of an answer with that Content-Type; where that says nothing, of the fallback, or text. */
export function formatOfType(
  contentType: string,
  fallback: ScrapeProtocol | null = null,
): "text" | "openmetrics" {
  const [type = ""] = contentType.split(";", 1);
  const name = type.trim().toLowerCase();
  if (name === "application/openmetrics-text") return "openmetrics";
  return name !== "text/plain" && fallback?.startsWith("OpenMetrics") ? "openmetrics" : "text";
}
