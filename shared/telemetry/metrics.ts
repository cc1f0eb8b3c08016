import { getOrInsert } from "../model/get-or-insert.ts";
import { type Labels, labelsOf, METRIC_NAME } from "../model/labels.ts";

export type MetricType = "counter" | "gauge";

export type MetricSample = {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** With the metric name. */
  readonly labels: Labels;
  readonly value: number;
};

type LabelRecord = Readonly<Record<string, string>>;

export type Counter = { add(n?: number, labels?: LabelRecord): void };
export type Gauge = { set(value: number, labels?: LabelRecord): void };

type Family = {
  readonly help: string;
  readonly type: MetricType;
  readonly values: Map<string, { readonly labels: Labels; value: number }>;
};

/** What a program says of itself. One registry a program, handed to its parts. */
export class Metrics {
  #families = new Map<string, Family>();
  #labels: LabelRecord | null = null;

  /** The same registry for a part of which there are several: `labels` are on all that it counts. */
  labelled(labels: LabelRecord): Metrics {
    const metrics = new Metrics();
    metrics.#families = this.#families;
    metrics.#labels = { ...this.#labels, ...labels };
    return metrics;
  }

  /** A name ending in `_total`. Without labels it is 0 from the start, so that a rate is right. */
  counter(name: string, help: string): Counter {
    const family = this.#family(name, help, "counter");
    return {
      add: (n = 1, labels = {}) => change(family, name, this.#all(labels), (value) => value + n),
    };
  }

  gauge(name: string, help: string): Gauge {
    const family = this.#family(name, help, "gauge");
    return { set: (value, labels = {}) => change(family, name, this.#all(labels), () => value) };
  }

  samples(): MetricSample[] {
    const samples: MetricSample[] = [];
    for (const [name, { help, type, values }] of this.#families) {
      for (const { labels, value } of values.values()) {
        samples.push({ name, help, type, labels, value });
      }
    }
    return samples;
  }

  #all(labels: LabelRecord): LabelRecord {
    return this.#labels === null ? labels : { ...this.#labels, ...labels };
  }

  #family(name: string, help: string, type: MetricType): Family {
    return getOrInsert(this.#families, name, () => ({ help, type, values: new Map() }));
  }
}

function change(
  family: Family,
  name: string,
  record: LabelRecord,
  next: (value: number) => number,
): void {
  // In the order of the call: a caller that always names its labels alike always meets its entry.
  let key = "";
  for (const label in record) key += `${label}\u0000${record[label]}\u0000`;
  const entry = family.values.get(key);
  if (entry !== undefined) {
    entry.value = next(entry.value);
    return;
  }
  const labels = labelsOf({ ...record, [METRIC_NAME]: name });
  family.values.set(key, { labels, value: next(0) });
}
