import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { backoffMs } from "../../shared/time/backoff.ts";
import { repeat } from "../../shared/time/repeat.ts";
import type { Collector, SeriesSink } from "./collector.ts";
import { Inventory } from "./inventory.ts";

const HOUR_MS = 3_600_000;
const RETRIES = { firstMs: 60_000, maxMs: HOUR_MS };

export type InventoryParts = {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gives the facts as JSON; ends its work when the signal is aborted. */
  ask(signal: AbortSignal): Promise<string>;
};

/** What this machine is, asked for now and then once an hour; ended by `close`. */
export function hourlyInventory(sink: SeriesSink, parts: InventoryParts): Collector {
  const stop = new AbortController();
  const inventory = new Inventory(sink, () => parts.ask(stop.signal));
  const refreshing = {
    run: () => inventory.refresh(),
    pauseMs: (failures: number) => (failures === 0 ? HOUR_MS : backoffMs(RETRIES, failures, 1)),
    failure: "the inventory is not known",
  };
  void repeat(refreshing, parts, stop.signal);
  return {
    name: inventory.name,
    families: inventory.families,
    collect: () => inventory.collect(),
    close: () => {
      stop.abort();
      inventory.close();
    },
  };
}
