import { dropLabels, labelsKey, METRIC_NAME } from "../../shared/model/labels.ts";
import type { KnownTarget } from "../../shared/model/target.ts";
import type { NodeTargets } from "../model/node-targets.ts";
import type { QueryResult } from "../query/result.ts";

/** A target and how its last scrape was; 0 where that is not known. */
export type StandingTarget = KnownTarget & {
  /** Unix milliseconds. */
  readonly lastScrapeMs: number;
  readonly scrapeSeconds: number;
  readonly samples: number;
};

export type StandingTargets = Omit<NodeTargets, "targets"> & {
  readonly targets: readonly StandingTarget[];
};

const NAMES: ReadonlySet<string> = new Set([METRIC_NAME]);

/** With what the series of the targets say of the last scrapes. @param ask evaluates PromQL */
export async function standingTargets(
  nodes: readonly NodeTargets[],
  ask: (query: string) => Promise<QueryResult>,
): Promise<StandingTargets[]> {
  if (nodes.every(({ targets }) => targets.length === 0)) {
    return nodes.map((node) => ({ ...node, targets: [] }));
  }
  const [times, seconds, samples] = await Promise.all([
    ask("timestamp(up)").then(valuesByLabels),
    ask("scrape_duration_seconds").then(valuesByLabels),
    ask("scrape_samples_scraped").then(valuesByLabels),
  ]);
  return nodes.map((node) => ({
    ...node,
    targets: node.targets.map((target) => {
      const key = labelsKey(target.labels);
      return {
        ...target,
        lastScrapeMs: Math.round((times.get(key) ?? 0) * 1000),
        scrapeSeconds: seconds.get(key) ?? 0,
        samples: samples.get(key) ?? 0,
      };
    }),
  }));
}

function valuesByLabels(result: QueryResult): ReadonlyMap<string, number> {
  if (result.type !== "vector") return new Map();
  return new Map(
    result.samples.map(({ labels, value }) => [labelsKey(dropLabels(labels, NAMES)), value]),
  );
}
