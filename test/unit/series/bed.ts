import {
  openSeriesStore,
  type SeriesStore,
  type SeriesStoreOptions,
} from "../../../aggregator/series/series-store.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";

/** A series store on a disk in memory that can be opened again and again. */
export class StoreBed {
  readonly disk: MemoryDisk;
  readonly clock = new FakeClock();
  readonly logger = new MemoryLogger();
  readonly options: SeriesStoreOptions;
  metrics = new Metrics();
  raw: MemoryStore;

  constructor(options: Partial<SeriesStoreOptions> = {}) {
    this.options = {
      retentionMs: 86_400_000,
      futureLimitMs: 60_000,
      chunkMs: 10_000,
      commitDelayMs: 0,
      pause: async () => {},
      ...options,
    };
    this.disk = new MemoryDisk();
    this.raw = new MemoryStore(this.disk);
  }

  async open(): Promise<SeriesStore> {
    const { clock, logger, metrics } = this;
    return await openSeriesStore({ store: this.raw, clock, logger, metrics }, this.options);
  }

  /** The process dies and another one starts. */
  async reopen(): Promise<SeriesStore> {
    this.disk.crash(() => 0, "kill");
    this.raw = new MemoryStore(this.disk);
    this.metrics = new Metrics();
    return await this.open();
  }

  counted(name: string): number {
    return metricTotal(this.metrics, name);
  }
}
