import type { KeyValueStore } from "../shared/platform/ports.ts";

/** Counts the bytes of values that are asked for by key. */
export class CountingStore implements KeyValueStore {
  bytesRead = 0;
  readonly #store: KeyValueStore;
  readonly batch: KeyValueStore["batch"];
  readonly entries: KeyValueStore["entries"];
  readonly clear: KeyValueStore["clear"];
  readonly compact: KeyValueStore["compact"];
  readonly close: KeyValueStore["close"];

  constructor(store: KeyValueStore) {
    this.#store = store;
    this.batch = (operations, options) => store.batch(operations, options);
    this.entries = (range) => store.entries(range);
    this.clear = (range) => store.clear(range);
    this.compact = (range) => store.compact(range);
    this.close = () => store.close();
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = await this.#store.get(key);
    this.bytesRead += value?.length ?? 0;
    return value;
  }
}
