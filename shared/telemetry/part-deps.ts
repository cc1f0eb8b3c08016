import type { Clock, KeyValueStore, Logger } from "../platform/ports.ts";
import type { Metrics } from "./metrics.ts";

/** What a part is given of the world, whatever else it needs. */
export type PartDeps = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** Of a part that keeps something over a restart. */
export type StoredPartDeps = PartDeps & { readonly store: KeyValueStore };
