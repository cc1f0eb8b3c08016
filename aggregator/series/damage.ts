import { errorMessage } from "../../shared/errors.ts";
import type { KeyValueStore, Logger } from "../../shared/platform/ports.ts";
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

  async setAside(key: Uint8Array, value: Uint8Array, fault: unknown): Promise<void> {
    this.#records.add();
    const name = Buffer.from(key).toString("hex");
    this.#logger.error({ key: name, bytes: value.length }, `Set aside: ${errorMessage(fault)}`);
    await this.#store.batch(
      [
        { type: "put", key: damagedKey(key), value },
        { type: "del", key },
      ],
      { sync: false },
    );
  }
}
