/** The degrees that lines are counted and coloured by: several of `detected_level` may be one of them. */
export const SEVERITIES = ["fatal", "error", "warn", "info", "debug", "unknown"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Words of `detected_level` by degree; docs/log-formats.md. */
const LEVELS: Readonly<Record<Severity, readonly string[]>> = {
  fatal: ["fatal", "critical"],
  error: ["error"],
  warn: ["warn"],
  info: ["info", "notice"],
  debug: ["debug", "trace"],
  unknown: ["unknown", ""],
};

const BY_LEVEL = new Map(
  SEVERITIES.flatMap((severity) => LEVELS[severity].map((level) => [level, severity] as const)),
);

export function severityOf(level: string | undefined): Severity {
  return BY_LEVEL.get(level ?? "") ?? "unknown";
}

export function levelsOf(severities: readonly Severity[]): readonly string[] {
  return severities.flatMap((severity) => LEVELS[severity]);
}
