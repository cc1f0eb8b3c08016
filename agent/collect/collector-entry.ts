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
