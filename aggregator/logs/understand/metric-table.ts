import {
  type Labels,
  labelPairs,
  labelsFrom,
  labelsKey,
  METRIC_NAME,
} from "../../../shared/model/labels.ts";

type MetricKind = "counter" | "gauge" | "histogram";

/** A metric that lines give values of. */
export type MetricFamily = {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  /** Of a histogram: upper bounds (`le`) in ascending order, without +Inf. */
  readonly buckets: readonly number[];
};

/** Prometheus' client libraries' own. */
export const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What a store keeps of one label set. */
export type MetricRecord = {
  readonly labels: Labels;
  /** Of a histogram the count of each bucket (not cumulated), +Inf's last, and then the sum. */
  readonly values: readonly number[];
};

/** The series of one label set, and their values in the same order; `id` is the same each time. */
export type MetricSeries = {
  readonly id: object;
  readonly labels: readonly Labels[];
  readonly values: readonly number[];
};

/** One label set. Who holds it asks for it again after `settle(false)` and after `forget`. */
export type MetricEntry = {
  readonly key: string;
  readonly labels: Labels;
  readonly series: readonly Labels[];
  values: number[];
  /** The values changed, and no batch with them is settled yet. */
  isUnsettled: boolean;
  /** What the store has while `isUnsettled`; null: nothing. */
  stored: readonly number[] | null;
  /** Since `changes` was called last. */
  isChanged: boolean;
};

/**
 * The state of one metric: a value, or a histogram, for each label set. Bounded in label sets. What
 * changes goes into the batch that stores the lines (`changes`), and is seen, or undone, when it is
 * known whether that was written (`settle`): a crash counts no line twice and leaves none out.
 */
export class MetricTable {
  readonly family: MetricFamily;
  /** Values that were for a label set beyond the bound. */
  leftOut = 0;
  /** Grows whenever what `series` gives has changed. */
  version = 0;

  readonly #seriesMax: number;
  readonly #entries = new Map<string, MetricEntry>();
  #unsettled: MetricEntry[] = [];
  #changed: MetricEntry[] = [];

  constructor(family: MetricFamily, seriesMax: number) {
    this.family = family;
    this.#seriesMax = seriesMax;
  }

  /** Whether a value for this label set would be taken, and room be left for `reserve` more. */
  hasRoom(labels: Labels, reserve = 0): boolean {
    if (this.#entries.size + reserve < this.#seriesMax) return true;
    return this.#entries.has(labelsKey(labels));
  }

  /** Null, and one more that is left out, for a label set beyond the bound. */
  entry(labels: Labels): MetricEntry | null {
    const key = labelsKey(labels);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#seriesMax) {
      this.leftOut += 1;
      return null;
    }
    const entry = this.#insert(key, labels, new Array<number>(this.#width()).fill(0));
    entry.isUnsettled = true;
    this.#unsettled.push(entry);
    return entry;
  }

  add(entry: MetricEntry, amount: number): void {
    this.#touch(entry);
    entry.values[0] = (entry.values[0] ?? 0) + amount;
  }

  set(entry: MetricEntry, value: number): void {
    this.#touch(entry);
    entry.values[0] = value;
  }

  observe(entry: MetricEntry, value: number): void {
    this.#touch(entry);
    const { buckets } = this.family;
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket += 1;
    const sum = buckets.length + 1;
    entry.values[bucket] = (entry.values[bucket] ?? 0) + 1;
    entry.values[sum] = (entry.values[sum] ?? 0) + value;
  }

  /** What changed since the last call, to be written in the batch of the lines. */
  changes(): MetricRecord[] {
    const records = this.#changed.map(({ labels, values }) => ({ labels, values: [...values] }));
    for (const entry of this.#changed) entry.isChanged = false;
    this.#changed = [];
    return records;
  }

  /** The batch is written, or everything since the last call is undone. */
  settle(isWritten: boolean): void {
    for (const entry of this.#unsettled) {
      entry.isUnsettled = entry.isChanged = false;
      if (!isWritten && entry.stored === null) this.#entries.delete(entry.key);
      else if (!isWritten) entry.values = [...(entry.stored ?? [])];
      entry.stored = null;
    }
    if (isWritten && this.#unsettled.length > 0) this.version += 1;
    this.#unsettled = [];
    this.#changed = [];
  }

  /** Takes back what `changes` gave. False when it does not fit the metric or the bound. */
  load({ labels, values }: MetricRecord): boolean {
    if (values.length !== this.#width() || this.#entries.size >= this.#seriesMax) return false;
    this.#insert(labelsKey(labels), labels, [...values]);
    this.version += 1;
    return true;
  }

  /** Ends label sets for good; gives those that ended. What is unsettled stays. */
  forget(isGone: (labels: Labels) => boolean): Labels[] {
    const gone: Labels[] = [];
    for (const { key, labels, isUnsettled } of this.#entries.values()) {
      if (isUnsettled || !isGone(labels)) continue;
      this.#entries.delete(key);
      gone.push(labels);
    }
    if (gone.length > 0) this.version += 1;
    return gone;
  }

  /** What is stored, under Prometheus' names for histograms. */
  *series(): Generator<MetricSeries> {
    for (const entry of this.#entries.values()) {
      const values = entry.isUnsettled ? entry.stored : entry.values;
      if (values === null) continue;
      yield { id: entry, labels: entry.series, values: this.#seriesValues(values) };
    }
  }

  /** Label sets, for those who bound their own labels. */
  *labelSets(): Generator<Labels> {
    for (const { labels } of this.#entries.values()) yield labels;
  }

  #insert(key: string, labels: Labels, values: number[]): MetricEntry {
    const series = seriesOf(this.family, labels);
    const rest = { isUnsettled: false, stored: null, isChanged: false };
    const entry: MetricEntry = { key, labels, series, values, ...rest };
    this.#entries.set(key, entry);
    return entry;
  }

  #touch(entry: MetricEntry): void {
    if (!entry.isUnsettled) {
      entry.isUnsettled = true;
      entry.stored = entry.values.slice();
      this.#unsettled.push(entry);
    }
    if (entry.isChanged) return;
    entry.isChanged = true;
    this.#changed.push(entry);
  }

  /** The buckets cumulated, the count, the sum. */
  #seriesValues(values: readonly number[]): readonly number[] {
    if (this.family.kind !== "histogram") return values;
    const counts = this.family.buckets.length + 1;
    const shown = new Array<number>(counts + 2);
    let count = 0;
    for (let i = 0; i < counts; i += 1) {
      count += values[i] ?? 0;
      shown[i] = count;
    }
    shown[counts] = count;
    shown[counts + 1] = values[counts] ?? 0;
    return shown;
  }

  #width(): number {
    return this.family.kind === "histogram" ? this.family.buckets.length + 2 : 1;
  }
}

function seriesOf({ name, kind, buckets }: MetricFamily, labels: Labels): readonly Labels[] {
  if (kind !== "histogram") return [seriesLabels(labels, name)];
  const bounds = [...buckets.map(String), "+Inf"];
  return [
    ...bounds.map((le) => seriesLabels(labels, `${name}_bucket`, le)),
    seriesLabels(labels, `${name}_count`),
    seriesLabels(labels, `${name}_sum`),
  ];
}

function seriesLabels(labels: Labels, name: string, le = ""): Labels {
  return labelsFrom([...labelPairs(labels), [METRIC_NAME, name], ["le", le]]);
}
