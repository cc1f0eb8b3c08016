/** What a scrape asks for: OpenMetrics rather than the text format. Source: Prometheus' scrape. */
export const ACCEPTED_TYPES =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75," +
  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/** The format of an answer with that Content-Type; what is not OpenMetrics is read as text. */
export function formatOfType(contentType: string): "text" | "openmetrics" {
  const [type = ""] = contentType.split(";", 1);
  return type.trim().toLowerCase() === "application/openmetrics-text" ? "openmetrics" : "text";
}
