import type { KeyValueStore } from "../../shared/platform/ports.ts";

/** The store, with `look` called behind each batch that was written. */
export function watchedStore(store: KeyValueStore, look: () => void): KeyValueStore {
  return {
    get: (key) => store.get(key),
    batch: async (operations, options) => {
      await store.batch(operations, options);
      look();
    },
    entries: (range) => store.entries(range),
    clear: (range) => store.clear(range),
    compact: (range) => store.compact(range),
    close: () => store.close(),
  };
}
