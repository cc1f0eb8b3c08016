import { BackgroundCollector, type BackgroundSource } from "./background.ts";
import type { Collector } from "./collector.ts";
import type { CollectContext } from "./context.ts";

/** A collector that the configuration can switch on and off. */
export type CollectorEntry = {
  /** As in `collectors:` of the configuration and in `node_scrape_collector_success{collector}`. */
  readonly name: string;
  readonly isOnByDefault: boolean;
  /** Milliseconds from one run to the next; 0: every tick. */
  readonly intervalMs: number;
  /** May run less often when the agent is over its budget. */
  readonly isSheddable: boolean;
  readonly create: (context: CollectContext) => Collector;
};

/** As most are: on by default, and sheddable. */
export function collectorEntry(
  name: string,
  intervalMs: number,
  create: CollectorEntry["create"],
): CollectorEntry {
  return { name, isOnByDefault: true, intervalMs, isSheddable: true, create };
}

/** Runs each tick, because a tick only sets what was read in the background. */
export function backgroundEntry(
  name: string,
  source: (context: CollectContext) => BackgroundSource,
): CollectorEntry {
  return collectorEntry(name, 0, (context) => new BackgroundCollector(context, source(context)));
}
