import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { MemoryDisk } from "../support/memory-store.ts";
import { STANDBY } from "./plan.ts";
import { changedStore, inMethod, type Plant } from "./plant.ts";
import { AGENT_PLANTS } from "./plants-agent.ts";
import { AGGREGATOR_PLANTS } from "./plants-aggregator.ts";
import { LOG_PLANTS } from "./plants-logs.ts";
import { NOTIFY_PLANTS } from "./plants-notify.ts";

const NONE: Plant = {
  store: (_name, store) => store,
  agentStore: (store) => store,
  noData: () => "keep",
  isRoutingChecked: true,
  install: () => [],
};

/** A bug in how a store of the aggregator is written. */
function inStore(
  changed: "series" | "logs",
  batch: (store: KeyValueStore) => KeyValueStore["batch"],
): Partial<Plant> {
  return {
    store: (name, store) => {
      return name === changed ? changedStore(store, { batch: batch(store) }) : store;
    },
  };
}

/** Leaves out the sync: the last batches are gone after a power cut. */
const unsynced = (store: KeyValueStore): KeyValueStore["batch"] => {
  return (operations) => store.batch(operations, { sync: false });
};

/** Bugs that the simulation can be given, to see that it finds them. None of them is in a product. */
const PLANTS = {
  ...AGENT_PLANTS,
  ...AGGREGATOR_PLANTS,
  ...LOG_PLANTS,
  ...NOTIFY_PLANTS,

  "lost-last-batch": inStore("series", unsynced),
  "log-last-batch-lost": inStore("logs", unsynced),
  "buffer-not-synced": { agentStore: (store) => changedStore(store, { batch: unsynced(store) }) },

  /** A batch is said to be on the disk when it is only on its way. */
  "ack-before-commit": inStore("series", (store) => async (operations, options) => {
    void store.batch(operations, options).catch(() => undefined);
  }),

  /** After a sync that failed a second answer is taken for good, as kernels give it. */
  "failed-sync-retried": inStore("series", (store) => (operations, options) => {
    return store.batch(operations, options).catch(() => undefined);
  }),

  /** A write that failed is there after the reopening, though its caller was told that it is not. */
  "failed-write-kept": inMethod(MemoryDisk.prototype, "undoOfDoubtful", () => []),

  "resolved-on-missing-data": { noData: () => "resolve" },
  "standby-resolves-on-missing-data": {
    noData: (host) => (host === STANDBY ? "resolve" : "keep"),
  },
  "reload-takes-half": { isRoutingChecked: false },
} satisfies Record<string, Partial<Plant>>;

export type PlantName = keyof typeof PLANTS;

export const PLANT_NAMES = Object.keys(PLANTS) as PlantName[];

export function plantOf(name: PlantName | null): Plant {
  return name === null ? NONE : { ...NONE, ...PLANTS[name] };
}
