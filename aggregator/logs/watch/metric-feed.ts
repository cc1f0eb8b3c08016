import type { VectorSample } from "../../../shared/model/columns.ts";
import type { Clock } from "../../../shared/platform/ports.ts";
import type { MetricSeries, MetricTable } from "../understand/metric-table.ts";

/** Stores samples of the aggregator's own; what the group wrote the last time and not now, ends. */
export type WriteFn = (
  group: string,
  timeMs: number,
  samples: readonly VectorSample[],
) => Promise<void>;

const TURN_MS = 1000;
/** Without a change the series go on at this pace. */
const EVERY_MS = 5000;
/** Our clock was set back when it is this far before the last write. */
const SET_BACK_MS = 1000;

/**
 * Writes what a table has as series: on the whole second after a change, and now and then without one.
 * A counter's first sample is 0, a second before the others: from one sample nobody can make a rate.
 */
export class MetricFeed {
  readonly #table: MetricTable;
  readonly #write: WriteFn;
  readonly #clock: Clock;
  readonly #group: string;
  /** Label sets that have been written. */
  readonly #begun = new WeakSet<object>();
  #version = 0;
  #lastMs = 0; // Unix, of the last write

  /** What is in the table is what a process before this one has written. */
  constructor(table: MetricTable, write: WriteFn, clock: Clock) {
    this.#table = table;
    this.#write = write;
    this.#clock = clock;
    this.#group = `log metric ${table.family.name}`;
    for (const { id } of table.series()) this.#begun.add(id);
  }

  /** @throws OperationalError as the writing does; the next turn writes again */
  async turn(): Promise<void> {
    const timeMs = Math.floor(this.#clock.nowMs() / TURN_MS) * TURN_MS;
    if (timeMs <= this.#lastMs && timeMs > this.#lastMs - SET_BACK_MS) return;
    const { version } = this.#table;
    const isDue = timeMs >= this.#lastMs + EVERY_MS || timeMs < this.#lastMs;
    if (version === this.#version && !isDue) return;
    const samples: VectorSample[] = [];
    const fresh: object[] = [];
    for (const series of this.#table.series()) {
      const isFresh = !this.#begun.has(series.id);
      if (isFresh) fresh.push(series.id);
      addSamples(samples, series, isFresh && this.#table.family.kind !== "gauge");
    }
    await this.#write(this.#group, timeMs, samples);
    for (const id of fresh) this.#begun.add(id);
    this.#lastMs = timeMs;
    if (fresh.length === 0) this.#version = version;
  }
}

function addSamples(to: VectorSample[], { labels, values }: MetricSeries, isZero: boolean): void {
  for (let i = 0; i < labels.length; i += 1) {
    to.push({ labels: labels[i] ?? [], value: isZero ? 0 : (values[i] ?? 0) });
  }
}
