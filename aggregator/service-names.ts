import type { Matcher } from "../shared/model/columns.ts";
import { type Labels, labelValue, withLabel } from "../shared/model/labels.ts";
import type { LineSource } from "./logs/line-source.ts";
import { compileMatchers } from "./matching/matcher.ts";
import type { Direction, LineHints, LogSource, LogStream, TimeRange } from "./model/log-lines.ts";

/**
 * The label by which Grafana's Logs Drilldown finds everything. Loki gives it to each stream that has
 * none, from the first of these labels that it has.
 */
const SERVICE_NAME = "service_name";
const FROM = ["service", "app", "application", "container", "unit", "component", "job"];
const UNKNOWN = "unknown_service";

/** Streams have few label sets, and each is asked for again and again. */
const named = new WeakMap<Labels, Labels>();

export function withServiceName(labels: Labels): Labels {
  const known = named.get(labels);
  if (known !== undefined) return known;
  const found = FROM.map((name) => labelValue(labels, name)).find((value) => value !== "");
  const isThere = labelValue(labels, SERVICE_NAME) !== "";
  const result = isThere ? labels : withLabel(labels, SERVICE_NAME, found ?? UNKNOWN);
  named.set(labels, result);
  return result;
}

/** Those for what is stored, and whether labels do for the others. */
export function splitMatchers(matchers: readonly Matcher[]) {
  const stored = matchers.filter(({ name }) => name !== SERVICE_NAME);
  const matches = compileMatchers(matchers.filter(({ name }) => name === SERVICE_NAME));
  return { stored, isWanted: (labels: Labels) => matches(withServiceName(labels)) };
}

/** The lines of the log as Loki's clients see them: every stream has a `service_name`. */
export class ServiceNamedLines implements LogSource {
  readonly #source: LineSource;

  constructor(source: LineSource) {
    this.#source = source;
  }

  /** As LineSource.select. */
  async select(
    matchers: readonly Matcher[],
    range: TimeRange,
    direction: Direction,
    hints: LineHints,
  ): Promise<readonly LogStream[]> {
    const { stored, isWanted } = splitMatchers(matchers);
    const streams = await this.#source.select(stored, range, direction, hints);
    return streams
      .filter(({ labels }) => isWanted(labels))
      .map((stream) => ({ ...stream, labels: withServiceName(stream.labels) }));
  }

  /** As LineSource.streams. */
  streams(sets: readonly (readonly Matcher[])[], range: TimeRange): readonly Labels[] {
    const found = new Set<Labels>();
    for (const matchers of sets.length === 0 ? [[]] : sets) {
      const { stored, isWanted } = splitMatchers(matchers);
      for (const labels of this.#source.streams([stored], range)) {
        if (isWanted(labels)) found.add(withServiceName(labels));
      }
    }
    return [...found];
  }
}
