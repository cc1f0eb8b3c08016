import type { Labels } from "../../../shared/model/labels.ts";
import { LineReader } from "./line-reader.ts";
import { SEVERITIES, type Severity } from "./severity.ts";

/** As Loki calls it. */
const LEVEL = "detected_level";
const LABELS = new Map<Severity, Labels>(
  SEVERITIES.map((severity) => [severity, [LEVEL, severity]]),
);
/** Keeps nothing from one line to the next but its memory. */
const reader = new LineReader();

/**
 * What a line says of itself and is no label of its stream: how bad it is. Lines that say the same
 * share the array.
 * @param timeUs when the agent read it, Unix microseconds
 */
export function metadataOf(line: string, timeUs: number): Labels {
  return LABELS.get(reader.read(line, timeUs).severity) ?? [];
}
