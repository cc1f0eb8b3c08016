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
/** How long before the first sample that counts anything a counter is 0. */
const ZERO_BEFORE_MS = 500;
/** Without a change the series go on at this pace. */
const EVERY_MS = 5000;
const NONE: ReadonlySet<object> = new Set();
/** Our clock was set back when it is this far before the last write. */
const SET_BACK_MS = 1000;

/**
 * Writes what a table has as series: on the whole second after a change, and now and then without one.
 * A counter's first sample is 0, half a second before it: from one sample nobody can make a rate. Both are
 * written at once, so that a rule sees the first of all lines as soon as any other.
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
    const fresh = this.#fresh();
    const zeros = this.#samples(fresh);
    const samples = this.#samples(NONE); // as of now, like the zeros: more may be counted meanwhile
    if (fresh.size > 0) await this.#write(this.#group, timeMs - ZERO_BEFORE_MS, zeros);
    await this.#write(this.#group, timeMs, samples);
    for (const id of fresh) this.#begun.add(id);
    this.#lastMs = timeMs;
    this.#version = version;
  }

  /** Counters of which nothing was written yet. */
  #fresh(): ReadonlySet<object> {
    const fresh = new Set<object>();
    if (this.#table.family.kind === "gauge") return fresh;
    for (const { id } of this.#table.series()) if (!this.#begun.has(id)) fresh.add(id);
    return fresh;
  }

  #samples(zeros: ReadonlySet<object>): VectorSample[] {
    const samples: VectorSample[] = [];
    for (const series of this.#table.series()) addSamples(samples, series, zeros.has(series.id));
    return samples;
  }
}

function addSamples(to: VectorSample[], { labels, values }: MetricSeries, isZero: boolean): void {
  for (let i = 0; i < labels.length; i += 1) {
    to.push({ labels: labels[i] ?? [], value: isZero ? 0 : (values[i] ?? 0) });
  }
}
