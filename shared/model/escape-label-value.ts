/** Texts of Prometheus' exposition format. Source: prometheus.io/docs, "Exposition formats". */

/** Of a label, between double quotes. */
export function escapeLabelValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

/** Behind HELP. */
export function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
