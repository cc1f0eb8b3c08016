import { OperationalError } from "../../shared/errors.ts";
import {
  isLabelText,
  type Labels,
  labelsFrom,
  labelValue,
  METRIC_NAME,
} from "../../shared/model/labels.ts";
import { columnBits } from "../../shared/model/stale.ts";
import {
  LABEL_NAME_LENGTH_MAX,
  LABEL_VALUE_LENGTH_MAX,
  LABELS_MAX,
} from "../../shared/wire/label-limits.ts";
import type { WireReader } from "../../shared/wire/wire-reader.ts";
import type { WriteRequest } from "../model/write-request.ts";

/** Of one request: a sample may take two bytes of it, and 16 here. */
const SAMPLES_MAX = 1_000_000;
const SERIES_MAX = 250_000;
const SAMPLES_FIRST = 1024;

/** What a metric is, as its sender says. */
export type MetricMetadata = {
  readonly name: string;
  /** Prometheus' word for it, such as `counter`. */
  readonly type: string;
  readonly help: string;
  readonly unit: string;
};

/** A request of either version, taken apart. */
export type WrittenParts = {
  readonly request: WriteRequest;
  readonly metadata: readonly MetricMetadata[];
  /** Of these the number only: they are not kept. */
  readonly exemplars: number;
  readonly histograms: number;
};

/** MetricMetadata.MetricType of both versions, by number. */
const METRIC_TYPES = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
];

export function metricType(number: number): string {
  return METRIC_TYPES[number] ?? "unknown";
}

/** Collects the series of a request. All methods throw OperationalError LIMIT where there are too many. */
export class SeriesColumnsWriter {
  readonly keys: string[] = [];
  readonly #starts: number[] = [0];
  #times = new Float64Array(SAMPLES_FIRST);
  #values = new Float64Array(SAMPLES_FIRST);
  #bits = columnBits(this.#values);
  #count = 0;

  /** `Sample`, which is the same in both versions: the value and Unix milliseconds. */
  addSample(reader: WireReader): void {
    if (this.#count === this.#times.length) this.#grow();
    const at = this.#count;
    this.#times[at] = 0;
    this.#bits[at * 2] = 0;
    this.#bits[at * 2 + 1] = 0;
    const outer = reader.enter();
    while (reader.next()) {
      if (reader.field === 1) reader.doubleBits(this.#bits, at * 2);
      else if (reader.field === 2) this.#times[at] = Number(reader.int64());
      else reader.skip();
    }
    reader.leave(outer);
    this.#count = at + 1;
  }

  /** The samples since the last call are of this series. */
  endSeries(key: string): void {
    if (this.keys.length >= SERIES_MAX) throw tooMany(`${SERIES_MAX} series`);
    this.keys.push(key);
    this.#starts.push(this.#count);
  }

  finish(labelsOf: WriteRequest["labelsOf"], bytes: number): WriteRequest {
    return {
      keys: this.keys,
      labelsOf,
      starts: this.#starts,
      times: this.#times.subarray(0, this.#count),
      values: this.#values.subarray(0, this.#count),
      bytes: bytes + this.#times.length * 16,
    };
  }

  #grow(): void {
    if (this.#count >= SAMPLES_MAX) throw tooMany(`${SAMPLES_MAX} samples`);
    const times = new Float64Array(this.#count * 2);
    times.set(this.#times);
    const values = new Float64Array(this.#count * 2);
    const bits = columnBits(values);
    bits.set(this.#bits);
    this.#times = times;
    this.#values = values;
    this.#bits = bits;
  }
}

function tooMany(what: string): OperationalError {
  return new OperationalError("LIMIT", `A request has more than ${what}: send less at once`);
}

/** @throws OperationalError PARSE for labels that cannot be stored */
export function checkedLabels(pairs: readonly (readonly [string, string])[]): Labels {
  if (pairs.length > LABELS_MAX) throw fault(`${pairs.length} labels, ${LABELS_MAX} are allowed`);
  const names = new Set<string>();
  for (const [name, value] of pairs) {
    if (name === "") throw fault("a label without a name");
    if (name.length > LABEL_NAME_LENGTH_MAX || value.length > LABEL_VALUE_LENGTH_MAX) {
      const shown = name.slice(0, LABEL_NAME_LENGTH_MAX);
      throw fault(`label ${JSON.stringify(shown)}: ${name.length} and ${value.length} characters`);
    }
    if (!isLabelText(name) || !isLabelText(value))
      throw fault(`label ${JSON.stringify(name)} has a NUL`);
    if (names.has(name)) throw fault(`label ${JSON.stringify(name)} is there twice`);
    names.add(name);
  }
  const labels = labelsFrom(pairs);
  if (labelValue(labels, METRIC_NAME) === "") throw fault("a series without a metric name");
  return labels;
}

function fault(what: string): OperationalError {
  return new OperationalError("PARSE", `invalid labels: ${what}`);
}
