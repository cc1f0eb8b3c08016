import { OperationalError } from "../../shared/errors.ts";
import {
  del,
  type Entry,
  type KeyValueStore,
  type Logger,
  put,
} from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { damagedKey } from "./keys.ts";

/** Puts damaged records aside, as they are, so that the rest goes on; counts and logs them. */
export class DamageKeeper {
  readonly #store: KeyValueStore;
  readonly #logger: Logger;
  readonly #records;

  constructor(store: KeyValueStore, logger: Logger, metrics: Metrics) {
    this.#store = store;
    this.#logger = logger;
    this.#records = metrics.counter(
      "telltale_store_damaged_records_total",
      "Records of the series store that were damaged and set aside.",
    );
  }

  /** What `read` makes of a record; null for one that it finds damaged, which is then set aside. */
  async read<T>([key, value]: Entry, read: (bytes: Uint8Array) => T): Promise<T | null> {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
      this.#records.add();
      const name = Buffer.from(key).toString("hex");
      this.#logger.error({ key: name, bytes: value.length }, `Set aside: ${error.message}`);
      await this.#store.batch([put(damagedKey(key), value), del(key)], { sync: false });
      return null;
    }
  }
}
