import { CronJob } from "cron";
import { errorMessage } from "../shared/errors.ts";
import type { Logger } from "../shared/platform/ports.ts";
import type { Collector, SeriesSink } from "./collect/collector.ts";
import { Inventory } from "./collect/inventory.ts";

/** Seven minutes past each hour: most other things on a node happen on the full hour. */
const HOURLY = "7 * * * *";

/** What this machine is, asked for now and then once an hour; ended by `close`. */
export function hourlyInventory(sink: SeriesSink, logger: Logger): Collector {
  const inventory = new Inventory(sink);
  const refresh = async () => {
    try {
      await inventory.refresh();
    } catch (error) {
      logger.warn({ error: errorMessage(error) }, "the inventory is not known");
    }
  };
  const job = CronJob.from({ cronTime: HOURLY, onTick: refresh, runOnInit: true, start: true });
  return {
    name: inventory.name,
    families: inventory.families,
    collect: () => inventory.collect(),
    close: () => {
      void job.stop();
      inventory.close();
    },
  };
}
