import { errorMessage } from "../shared/errors.ts";
import type { Clock, Logger } from "../shared/platform/ports.ts";
import type { Collector, SeriesSink } from "./collect/collector.ts";
import { Inventory } from "./collect/inventory.ts";

const HOUR_MS = 3_600_000;
/** After a failure; twice as long after each further one. */
const RETRY_MS = 60_000;

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
  void refreshHourly(inventory, parts, stop.signal);
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

async function refreshHourly(
  inventory: Inventory,
  { clock, logger }: InventoryParts,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await inventory.refresh();
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error: errorMessage(error) }, "the inventory is not known");
      failures += 1;
    }
    const retryMs = failures === 0 ? HOUR_MS : RETRY_MS * 2 ** (failures - 1);
    await clock.sleep(Math.min(HOUR_MS, retryMs), signal).catch(() => undefined); // ended by `close`
  }
}
