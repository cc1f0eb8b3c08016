import type { OperationalError } from "../../../shared/errors.ts";
import {
  type BatchOperation,
  del,
  type KeyValueStore,
  type Logger,
  put,
} from "../../../shared/platform/ports.ts";
import type { Metrics } from "../../../shared/telemetry/metrics.ts";
import { damagedKey } from "./keys.ts";

/** Puts damaged blocks aside, as they are, so that the rest goes on; counts and logs them. */
export class DamageKeeper {
  readonly #store: KeyValueStore;
  readonly #logger: Logger;
  readonly #blocks;

  constructor(store: KeyValueStore, logger: Logger, metrics: Metrics) {
    this.#store = store;
    this.#logger = logger;
    this.#blocks = metrics.counter(
      "telltale_logs_damaged_blocks_total",
      "Stored blocks of log lines that could not be read and were set aside.",
    );
    this.#blocks.add(0);
  }

  /**
   * @param key of the record that is kept as it is
   * @param others what goes with it
   */
  async setAside(
    key: Uint8Array,
    error: OperationalError,
    others: readonly Uint8Array[] = [],
  ): Promise<void> {
    const value = await this.#store.get(key);
    this.#blocks.add();
    const name = Buffer.from(key).toString("hex");
    this.#logger.error({ key: name, bytes: value?.length ?? 0 }, `Set aside: ${error.message}`);
    const operations: BatchOperation[] = [del(key), ...others.map(del)];
    if (value !== undefined) operations.push(put(damagedKey(key), value));
    await this.#store.batch(operations, { sync: false });
  }
}
