import { AssertionError } from "node:assert";
import { errorMessage } from "../../shared/errors.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import {
  type Collector,
  familiesOf,
  gauge,
  JOB_NODE,
  type MetricFamily,
  SeriesRow,
  type SeriesSink,
} from "./collector.ts";

const SPECS = [
  gauge("node_scrape_collector_duration_seconds", "Time the collector took in this tick.", 6),
  gauge("node_scrape_collector_success", "Whether the collector succeeded in this tick."),
];
const DURATION = 0;
const SUCCESS = 1;

type Entry = { readonly collector: Collector; readonly row: SeriesRow; isFailing: boolean };

/** Runs every collector for a tick. A fault in one is a metric and one log line; the rest go on. */
export class TickRunner {
  readonly families: readonly MetricFamily[] = familiesOf(SPECS);
  readonly #entries: readonly Entry[];
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(collectors: readonly Collector[], sink: SeriesSink, clock: Clock, logger: Logger) {
    this.#entries = collectors.map((collector) => {
      const labels = { job: JOB_NODE, collector: collector.name };
      return { collector, row: new SeriesRow(sink, SPECS, labels), isFailing: false };
    });
    this.#clock = clock;
    this.#logger = logger;
  }

  run(nowMs: number): void {
    for (const entry of this.#entries) {
      const startMs = this.#clock.monotonicMs();
      const isSuccess = this.#collect(entry, nowMs);
      const durationMs = this.#clock.monotonicMs() - startMs;
      entry.row.set(DURATION, Math.round(durationMs * 1000));
      entry.row.set(SUCCESS, isSuccess ? 1 : 0);
    }
  }

  #collect(entry: Entry, nowMs: number): boolean {
    const { collector } = entry;
    try {
      collector.collect(nowMs);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      if (!entry.isFailing) {
        const fields = { collector: collector.name, error: errorMessage(error) };
        this.#logger.warn(fields, "collector failed");
      }
      entry.isFailing = true;
      return false;
    }
    if (entry.isFailing) this.#logger.info({ collector: collector.name }, "collector recovered");
    entry.isFailing = false;
    return true;
  }
}
