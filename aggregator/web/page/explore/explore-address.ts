export type QueryLanguage = "promql" | "logql";

/** What Explore shows, as a link says it. */
export type Explored = {
  readonly language: QueryLanguage;
  readonly query: string;
  readonly show: "chart" | "table";
};

/** Characters of a query that a link may bring; the aggregator takes as many. */
const QUERY_CHARS_MAX = 65_536;

export function exploredOf(parameters: URLSearchParams): Explored {
  return {
    language: parameters.get("lang") === "logql" ? "logql" : "promql",
    query: (parameters.get("query") ?? "").slice(0, QUERY_CHARS_MAX),
    show: parameters.get("show") === "table" ? "table" : "chart",
  };
}

/** Where one can begin. */
export const EXAMPLES: Readonly<Record<QueryLanguage, readonly string[]>> = {
  promql: [
    'sum by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[1m]))',
    "topk(10, rate(container_cpu_usage_seconds_total[1m]))",
    'node_filesystem_avail_bytes{fstype!~"tmpfs|overlay"} / node_filesystem_size_bytes',
    'count by (__name__) ({instance=~".+"})',
  ],
  logql: [
    '{instance=~".+"} | detected_level="error"',
    'sum by (service_name) (rate({instance=~".+"}[1m]))',
    'sum by (detected_level) (count_over_time({instance=~".+"}[1m]))',
  ],
};
