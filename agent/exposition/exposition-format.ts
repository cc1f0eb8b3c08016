/**
 * `text`: the text format 0.0.4 as Prometheus scrapes it; `openmetrics`: OpenMetrics 1.0; `file`:
 * the text format as node_exporter takes files of others, which must be whole and plain.
 */
export type ExpositionFormat = "text" | "openmetrics" | "file";

const BOTH = ["counter", "gauge", "histogram", "summary"];
const TEXT_TYPES = [...BOTH, "untyped"].map((type) => Buffer.from(type));
const OPENMETRICS_TYPES = [...BOTH, "unknown", "gaugehistogram", "info", "stateset"].map((type) =>
  Buffer.from(type),
);

/** Whether a family may be of the type that stands there. */
export function isTypeAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  format: ExpositionFormat,
): boolean {
  for (const type of format === "openmetrics" ? OPENMETRICS_TYPES : TEXT_TYPES) {
    if (type.length === end - start && startsWith(bytes, start, type)) return true;
  }
  return false;
}

export function startsWith(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i += 1) if (bytes[at + i] !== word[i]) return false;
  return true;
}
