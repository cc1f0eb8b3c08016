import type { KeyValueStore } from "../../shared/platform/ports.ts";
import type { DamageKeeper } from "./damage.ts";
import type { Partitions } from "./partitions.ts";
import type { SeriesIndex } from "./series-index.ts";
import type { StreamTable } from "./stream-table.ts";
import type { WrittenHead } from "./written-head.ts";

/** What everything that works on the series store shares: the disk, and what is known of it. */
export type StoreParts = {
  readonly store: KeyValueStore;
  readonly index: SeriesIndex;
  readonly streams: StreamTable;
  readonly partitions: Partitions;
  readonly damage: DamageKeeper;
  readonly written: WrittenHead;
};
