import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { replaced } from "./replaced.ts";

/** Where a planted bug takes hold. */
export type Plant = {
  /** The aggregator's store of that name, as the program gets it. */
  readonly store: (name: string, store: KeyValueStore) => KeyValueStore;
  /** An agent's store, as the program gets it. */
  readonly agentStore: (store: KeyValueStore) => KeyValueStore;
  /** What the alert rules of a host say of missing data. */
  readonly noData: (host: string) => "keep" | "resolve";
  /** Whether a reload finds what is wrong with a routing. */
  readonly isRoutingChecked: boolean;
  /** Changes the program for one run; the returned functions change it back. */
  readonly install: () => readonly (() => void)[];
};

/** A bug in one method: as `replaced`. */
export const inMethod: <Class, Name extends keyof Class>(
  ...args: Parameters<typeof replaced<Class, Name>>
) => Partial<Plant> = (...args) => ({ install: () => [replaced(...args)] });

/** The store with other methods in the place of some of its own. */
export function changedStore(store: KeyValueStore, changes: Partial<KeyValueStore>): KeyValueStore {
  return {
    get: (key) => store.get(key),
    batch: (operations, options) => store.batch(operations, options),
    entries: (range) => store.entries(range),
    clear: (range) => store.clear(range),
    compact: (range) => store.compact(range),
    close: () => store.close(),
    ...changes,
  };
}
