import {
  type Labels,
  labelPairs,
  labelsFrom,
  labelsKey,
  METRIC_NAME,
} from "../../../shared/model/labels.ts";
import type { OneSeries } from "../pushed-one.ts";
import type { LeftOutReason, Reading } from "../pushed-sender.ts";
import { Metric } from "./metric.ts";
import type { Form, Kind } from "./statsd-line.ts";

/** Where the series are kept: those of a `Sender`. */
export type SeriesTable = {
  seriesCount(): number;
  series(labels: Labels, isHeld: boolean): OneSeries | LeftOutReason;
};

export type AccumulationOptions = {
  /** Upper bounds, ascending: seconds for timers, the values' own unit for the others. */
  readonly timerBuckets: readonly number[];
  readonly histogramBuckets: readonly number[];
  readonly seriesMax: number;
};

/** Who was not heard of for so long ends. */
const SILENCE_MS_MAX = 5 * 60_000;
/** For how long a set collects before it is counted: as StatsD's own flush interval. */
const SET_WINDOW_MS = 10_000;
/** Of all sets together. */
const SET_MEMBERS_MAX = 100_000;

/** How many names a metric of another type has taken, and of which. */
type Claim = { readonly kind: Kind; users: number };

/** All that StatsD's clients have said so far. Counters and histograms only grow while they are heard of. */
export class Accumulation {
  readonly #options: AccumulationOptions;
  readonly #table: SeriesTable;
  readonly #metrics = new Map<string, Metric>();
  readonly #claims = new Map<string, Claim>();
  readonly #room = { members: SET_MEMBERS_MAX };
  #setWindow = Number.NaN;

  constructor(table: SeriesTable, options: AccumulationOptions) {
    this.#table = table;
    this.#options = options;
  }

  /** The metric of a form, made where it is new; or why there is none. */
  find(form: Form, atMs: number): Metric | LeftOutReason | "type_conflict" {
    const { kind, name } = form;
    const labels = labelsFrom([["job", "statsd"], ...labelPairs(form.labels), [METRIC_NAME, name]]);
    const key = `${kind}\u0000${labelsKey(labels)}`;
    const known = this.#metrics.get(key);
    if (known !== undefined) return known;
    const names = namesOf(kind, name);
    for (const one of names) {
      const claim = this.#claims.get(one);
      if (claim !== undefined && claim.kind !== kind) return "type_conflict";
    }
    const { timerBuckets, histogramBuckets } = this.#options;
    const bounds = kind === "timer" ? timerBuckets : kind === "histogram" ? histogramBuckets : null;
    const series = this.#seriesOf(labels, name, bounds);
    if (typeof series === "string") return series;
    const metric = new Metric({ kind, names, bounds, series, room: this.#room }, atMs);
    this.#metrics.set(key, metric);
    for (const one of names) this.#claim(one, kind);
    return metric;
  }

  /**
   * What all metrics are at `timeMs`. Those that were not heard of for long end with it.
   * @param atMs the same on the monotonic clock
   */
  read(timeMs: number, atMs: number): Reading {
    const window = Math.floor(timeMs / SET_WINDOW_MS);
    const isWindowOver = window !== this.#setWindow && !Number.isNaN(this.#setWindow);
    this.#setWindow = window;
    const series: OneSeries[] = [];
    const values: (number | null)[] = [];
    for (const [key, metric] of this.#metrics) {
      if (isWindowOver) metric.endWindow();
      const { isLost } = metric;
      const isOver = metric.isOver(atMs, SILENCE_MS_MAX);
      if (isOver || isLost) this.#forget(key, metric);
      if (!isLost && (isOver || metric.hasValue)) metric.read(series, values, isOver);
    }
    return { timeMs, series, values };
  }

  #seriesOf(
    labels: Labels,
    name: string,
    bounds: readonly number[] | null,
  ): readonly OneSeries[] | LeftOutReason {
    const sets = bounds === null ? [labels] : histogramLabels(labels, name, bounds);
    if (this.#table.seriesCount() + sets.length > this.#options.seriesMax) return "sender_series";
    const series: OneSeries[] = [];
    for (const one of sets) {
      const found = this.#table.series(one, false);
      if (typeof found === "string") return found;
      series.push(found);
    }
    return series;
  }

  #claim(name: string, kind: Kind): void {
    const claim = this.#claims.get(name);
    if (claim === undefined) this.#claims.set(name, { kind, users: 1 });
    else claim.users += 1;
  }

  #forget(key: string, metric: Metric): void {
    this.#metrics.delete(key);
    metric.end();
    for (const name of metric.names) {
      const claim = this.#claims.get(name);
      if (claim === undefined) continue;
      claim.users -= 1;
      if (claim.users === 0) this.#claims.delete(name);
    }
  }
}

/** The names that its series have, and the one that it was given. */
function namesOf(kind: Kind, name: string): readonly string[] {
  if (kind !== "timer" && kind !== "histogram") return [name];
  return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
}

/** In the order in which `Metric.read` gives the values: the buckets, the sum, the count. */
function histogramLabels(labels: Labels, name: string, bounds: readonly number[]): Labels[] {
  const pairs = labelPairs(labels);
  const buckets = [...bounds.map(String), "+Inf"].map((le) =>
    labelsFrom([...pairs, ["le", le], [METRIC_NAME, `${name}_bucket`]]),
  );
  const rest = ["_sum", "_count"].map((suffix) =>
    labelsFrom([...pairs, [METRIC_NAME, `${name}${suffix}`]]),
  );
  return [...buckets, ...rest];
}
