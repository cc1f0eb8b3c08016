import { OperationalError } from "../../../shared/errors.ts";
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

/** What a store keeps of one label set: as text, so that doubles come back bit for bit. */
export type MetricRecord = { readonly key: string; readonly value: string };
export type MetricSample = { readonly labels: Labels; readonly value: number };

/** `values`: of a histogram the count of each bucket (not cumulated), +Inf's last, and then the sum. */
type Entry = { readonly labels: Labels; readonly values: number[] };

/**
 * The state of one metric: a value, or a histogram, for each label set. Bounded in label sets. What
 * changed since the last time goes into the batch that stores the lines, so that a crash counts no line
 * twice and none never.
 */
export class MetricTable {
  readonly family: MetricFamily;
  /** Values that were for a label set beyond the bound. */
  leftOut = 0;

  readonly #seriesMax: number;
  readonly #entries = new Map<string, Entry>();
  /** Keys of those that changed since the last `takeChanges`. */
  readonly #changed = new Set<string>();

  constructor(family: MetricFamily, seriesMax: number) {
    this.family = family;
    this.#seriesMax = seriesMax;
  }

  /** Whether a value for this label set would be taken, and room be left for `reserve` more. */
  hasRoom(labels: Labels, reserve = 0): boolean {
    if (this.#entries.size + reserve < this.#seriesMax) return true;
    return this.#entries.has(labelsKey(labels));
  }

  add(labels: Labels, amount: number): void {
    const entry = this.#entry(labels);
    if (entry !== null) entry.values[0] = (entry.values[0] ?? 0) + amount;
  }

  set(labels: Labels, value: number): void {
    const entry = this.#entry(labels);
    if (entry !== null) entry.values[0] = value;
  }

  observe(labels: Labels, value: number): void {
    const entry = this.#entry(labels);
    if (entry === null) return;
    const { buckets } = this.family;
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket += 1;
    const sum = buckets.length + 1;
    entry.values[bucket] = (entry.values[bucket] ?? 0) + 1;
    entry.values[sum] = (entry.values[sum] ?? 0) + value;
  }

  /** As series, under Prometheus' names for histograms. */
  *samples(): Generator<MetricSample> {
    const { name, kind, buckets } = this.family;
    for (const { labels, values } of this.#entries.values()) {
      if (kind !== "histogram") {
        yield { labels: seriesLabels(labels, name), value: values[0] ?? 0 };
        continue;
      }
      let count = 0;
      for (let i = 0; i <= buckets.length; i += 1) {
        count += values[i] ?? 0;
        const le = i < buckets.length ? String(buckets[i]) : "+Inf";
        yield { labels: seriesLabels(labels, `${name}_bucket`, le), value: count };
      }
      yield { labels: seriesLabels(labels, `${name}_count`), value: count };
      yield { labels: seriesLabels(labels, `${name}_sum`), value: values.at(-1) ?? 0 };
    }
  }

  /** What changed since the last call. After a write that failed, a new table is loaded from the store. */
  takeChanges(): MetricRecord[] {
    const changes: MetricRecord[] = [];
    for (const key of this.#changed) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      changes.push({ key, value: JSON.stringify([entry.labels, entry.values]) });
    }
    this.#changed.clear();
    return changes;
  }

  /**
   * Takes back what `takeChanges` gave. A histogram whose buckets are others now begins anew.
   * @throws OperationalError STORAGE when the value is none of ours
   */
  load({ value }: MetricRecord): void {
    const { labels, values } = parseRecord(value);
    if (values.length !== this.#width()) return;
    this.#entries.set(labelsKey(labels), { labels, values });
  }

  /** Label sets, for those who bound their own labels. */
  *labelSets(): Generator<Labels> {
    for (const { labels } of this.#entries.values()) yield labels;
  }

  #entry(labels: Labels): Entry | null {
    const key = labelsKey(labels);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= this.#seriesMax) {
        this.leftOut += 1;
        return null;
      }
      entry = { labels, values: new Array<number>(this.#width()).fill(0) };
      this.#entries.set(key, entry);
    }
    this.#changed.add(key);
    return entry;
  }

  #width(): number {
    return this.family.kind === "histogram" ? this.family.buckets.length + 2 : 1;
  }
}

function seriesLabels(labels: Labels, name: string, le = ""): Labels {
  return labelsFrom([...labelPairs(labels), [METRIC_NAME, name], ["le", le]]);
}

function parseRecord(text: string): { labels: Labels; values: number[] } {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (cause) {
    throw new OperationalError("STORAGE", "A metric's record is damaged", { cause });
  }
  const [labels, values] = Array.isArray(record) ? record : [];
  const isRecord =
    Array.isArray(labels) &&
    Array.isArray(values) &&
    labels.every((label) => typeof label === "string") &&
    values.every((value) => typeof value === "number");
  if (!isRecord) throw new OperationalError("STORAGE", "A metric's record is damaged");
  return { labels, values };
}
