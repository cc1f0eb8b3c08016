import type { Labels } from "../../shared/model/labels.ts";
import type { MatcherSets } from "./ports.ts";

/** What is known of a metric besides its samples. */
type MetadataQuery = {
  /** "": of all metrics. */
  readonly metric: string;
  readonly limit: number | null;
  readonly limitPerMetric: number | null;
};

export type MetadataEntry = {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
};

type Figure = readonly [name: string, value: number];

/** How many series and texts there are; lists have the largest first. */
export type IndexFigures = {
  readonly series: number;
  readonly labelPairs: number;
  /** Unix milliseconds. */
  readonly minMs: number;
  readonly maxMs: number;
  readonly seriesByMetric: readonly Figure[];
  readonly valuesByLabel: readonly Figure[];
  readonly bytesByLabel: readonly Figure[];
  readonly seriesByPair: readonly Figure[];
};

/** The newest sample of a series. */
export type LatestSample = {
  readonly labels: Labels;
  readonly timeMs: number;
  readonly value: number;
};

/** What the aggregator says of itself, and of what it holds, besides the answers to queries. */
export type StatusPort = {
  readonly startedAtMs: number;
  /** YAML, secrets left out. */
  configText(): string;
  /** By Prometheus' names. */
  flags(): Readonly<Record<string, string>>;
  reloaded(): { readonly isGood: boolean; readonly timeMs: number };
  retentionText(): string;
  /** @param limit entries of each list */
  index(limit: number): IndexFigures;
  metadata(query: MetadataQuery): readonly (readonly [string, readonly MetadataEntry[]])[];
  /** Series that match any of the sets and have not ended, with their newest samples. */
  latest(sets: MatcherSets): Promise<readonly LatestSample[]>;
  /** Labels that federation adds to series that do not have them. */
  readonly externalLabels: Labels;
};
