import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { MemoryDisk } from "../support/memory-store.ts";
import { STANDBY } from "./plan.ts";
import {
  countDropsShort,
  forgetOnSend,
  leaveOutKeyframes,
  ledgerBeforeFrame,
  letOwnLabelsWin,
  makeDiscardsSilent,
  tickTwiceAtOneTime,
} from "./plants-agent.ts";
import {
  ackOneMore,
  appendTwice,
  cutOneTooMany,
  forgetRouting,
  forgetStreams,
  giveRefsTwice,
  hurryCursor,
  hurryTable,
  loseEndsInRecovery,
  swapItems,
} from "./plants-aggregator.ts";
import { hasty, retried, splitAlerts, unsynced } from "./plants-store.ts";

/** Bugs that the simulation can be given, to see that it finds them. None of them is in a product. */
export const PLANT_NAMES = [
  "ack-before-commit",
  "no-dedup",
  "cursor-ahead-of-data",
  "lost-last-batch",
  "resolved-on-missing-data",
  "notification-after-change",
  "standby-resolves-on-missing-data",
  "own-label-wins",
  "reload-takes-half",
  "reload-forgets-routing",
  "ack-off-by-one",
  "forget-on-send",
  "dedup-forgets-on-restart",
  "keyframe-left-out-at-epoch",
  "series-table-not-resent",
  "drops-not-counted",
  "drop-range-off-by-one",
  "ends-lost-in-recovery",
  "batch-reordered",
  "series-number-given-twice",
  "two-ticks-at-one-time",
  "failed-sync-retried",
  "failed-write-kept",
  "ledger-before-frame",
  "buffer-not-synced",
  "log-cut-too-far",
] as const;

export type PlantName = (typeof PLANT_NAMES)[number];

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
  /** Changes the program for one run; the returned function changes it back. */
  readonly install: () => () => void;
};

const NONE: Plant = {
  store: (_name, store) => store,
  agentStore: (store) => store,
  noData: () => "keep",
  isRoutingChecked: true,
  install: () => () => {},
};

/** A bug in how the aggregator's series are written. */
function inSeriesStore(change: (store: KeyValueStore) => KeyValueStore): Partial<Plant> {
  return { store: (name, store) => (name === "series" ? change(store) : store) };
}

const PLANTS: Readonly<Record<PlantName, Partial<Plant>>> = {
  "ack-before-commit": inSeriesStore(hasty),
  "no-dedup": { install: appendTwice },
  "cursor-ahead-of-data": { install: hurryCursor },
  "lost-last-batch": inSeriesStore(unsynced),
  "resolved-on-missing-data": { noData: () => "resolve" },
  "notification-after-change": {
    store: (name, store) => (name === "alerts" ? splitAlerts(store) : store),
  },
  "standby-resolves-on-missing-data": {
    noData: (host) => (host === STANDBY ? "resolve" : "keep"),
  },
  "own-label-wins": { install: letOwnLabelsWin },
  "reload-takes-half": { isRoutingChecked: false },
  "reload-forgets-routing": { install: forgetRouting },
  "ack-off-by-one": { install: ackOneMore },
  "forget-on-send": { install: forgetOnSend },
  "dedup-forgets-on-restart": { install: forgetStreams },
  "keyframe-left-out-at-epoch": { install: leaveOutKeyframes },
  "series-table-not-resent": { install: hurryTable },
  "drops-not-counted": { install: makeDiscardsSilent },
  "drop-range-off-by-one": { install: countDropsShort },
  "ends-lost-in-recovery": { install: loseEndsInRecovery },
  "batch-reordered": { install: swapItems },
  "series-number-given-twice": { install: giveRefsTwice },
  "two-ticks-at-one-time": { install: tickTwiceAtOneTime },
  "failed-sync-retried": inSeriesStore(retried),
  "failed-write-kept": { install: keepFailedWrites },
  "ledger-before-frame": { agentStore: ledgerBeforeFrame },
  "buffer-not-synced": { agentStore: unsynced },
  "log-cut-too-far": { install: cutOneTooMany },
};

export function plantOf(name: PlantName | null): Plant {
  return name === null ? NONE : { ...NONE, ...PLANTS[name] };
}

/** A write that failed is there after the reopening, though its caller was told that it is not. */
function keepFailedWrites(): () => void {
  const { undoOfDoubtful } = MemoryDisk.prototype;
  MemoryDisk.prototype.undoOfDoubtful = () => [];
  return () => {
    MemoryDisk.prototype.undoOfDoubtful = undoOfDoubtful;
  };
}
