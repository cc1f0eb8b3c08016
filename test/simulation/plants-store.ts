import type { BatchOperation, KeyValueStore } from "../../shared/platform/ports.ts";

/** Says that a batch is on the disk when it is only on its way. */
export function hasty(store: KeyValueStore): KeyValueStore {
  return {
    ...delegate(store),
    batch: async (operations, options) => {
      void store.batch(operations, options).catch(() => undefined);
    },
  };
}

/** Leaves out the sync: the last batches are gone after a power cut. */
export function unsynced(store: KeyValueStore): KeyValueStore {
  return {
    ...delegate(store),
    batch: (operations) => store.batch(operations, { sync: false }),
  };
}

/** Syncs again after a sync that failed, and takes the second answer for good, as kernels give it. */
export function retried(store: KeyValueStore): KeyValueStore {
  return {
    ...delegate(store),
    batch: (operations, options) => store.batch(operations, options).catch(() => undefined),
  };
}

/** Notifications are written after the alerts' change, in a batch of their own. */
export function splitAlerts(store: KeyValueStore): KeyValueStore {
  return {
    ...delegate(store),
    batch: async (operations, options) => {
      const isEntry = ({ key }: BatchOperation) => key[0] === "n".charCodeAt(0);
      const parts = [operations.filter((one) => !isEntry(one)), operations.filter(isEntry)];
      for (const part of parts) if (part.length > 0) await store.batch(part, options);
    },
  };
}

export function delegate(store: KeyValueStore): KeyValueStore {
  return {
    get: (key) => store.get(key),
    batch: (operations, options) => store.batch(operations, options),
    entries: (range) => store.entries(range),
    clear: (range) => store.clear(range),
    compact: (range) => store.compact(range),
    close: () => store.close(),
  };
}
