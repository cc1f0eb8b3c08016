import {
  type Collector,
  defineSeries,
  familiesOf,
  JOB_NODE,
  type MetricFamily,
  type SeriesSpec,
} from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { ABSENT } from "./byte-scanner.ts";
import { isUnknown } from "./small-file.ts";

type Labels = Readonly<Record<string, string>>;
type ReadValue = { readonly spec: SeriesSpec; readonly labels: Labels; readonly value: number };

const SERIES_MAX = 4096;

/** The values of one reading of a source whose devices come and go. */
export class Reading {
  /** By name and labels. */
  readonly values = new Map<string, ReadValue>();
  readonly #seriesMax: number;
  /** How often names were given that are not unique. */
  readonly #given = new Map<string, number>();
  /** Values that are not numbers. */
  malformed = 0;
  overflow = 0;
  /** Values with labels that another had before. */
  duplicates = 0;

  constructor(seriesMax = SERIES_MAX) {
    this.#seriesMax = seriesMax;
  }

  /** `name`, or if it was given before in this reading, the name and what tells the two apart. */
  distinct(name: string, apart: string): string {
    const count = this.#given.get(name) ?? 0;
    this.#given.set(name, count + 1);
    return count === 0 ? name : this.distinct(`${name}_${apart}`, String(count + 1));
  }

  /**
   * `value` as the integer (or, with DOUBLE_SCALE, the double) of the spec's scale; may be negative.
   * Of two values with the same labels the second gets a label `duplicate`.
   */
  set(spec: SeriesSpec, labels: Labels, value: number): void {
    const key = `${spec.name}\0${JSON.stringify(labels)}\0${JSON.stringify(spec.labels ?? null)}`;
    if (this.values.has(key)) {
      this.duplicates += 1;
      const count = (this.#given.get(key) ?? 1) + 1;
      this.#given.set(key, count);
      this.set(spec, { ...labels, duplicate: String(count) }, value);
    } else if (this.values.size < this.#seriesMax) {
      this.values.set(key, { spec, labels, value });
    } else {
      this.overflow += 1;
    }
  }

  /** As `set` of a count; ABSENT: there is none. */
  setCount(spec: SeriesSpec, labels: Labels, count: number): void {
    if (count !== ABSENT) this.set(spec, labels, count);
  }

  /**
   * As `set` of a whole number in text, such as an attribute's. No series if there is no text, or if
   * it is a gauge's way to say that the value is unknown.
   */
  setText(spec: SeriesSpec, labels: Labels, text: string | null): void {
    if (text === null || text === "") return;
    const value = wholeNumber(text);
    if (value === null) this.malformed += 1;
    else if (spec.type === "counter" || !isUnknown(value)) this.set(spec, labels, value);
  }
}

/** null: not a whole number of at most 20 digits. */
export function wholeNumber(text: string): number | null {
  return /^-?[0-9]{1,20}$/.test(text) ? Number(text) : null;
}

/** The series of a source that is read again and again; what a reading does not have ends with it. */
export class ReadingSeries {
  readonly families: MetricFamily[];
  readonly #context: CollectContext;
  readonly #collector: string;
  readonly #metrics: Set<string>;
  readonly #slots = new Map<string, number>();

  /** @param specs those that are known before the first reading */
  constructor(context: CollectContext, collector: string, specs: readonly SeriesSpec[] = []) {
    this.families = familiesOf(specs);
    this.#metrics = new Set(specs.map(({ name }) => name));
    this.#context = context;
    this.#collector = collector;
  }

  /** Sets the reading's values, and counts what it left out. */
  take({ values, malformed, overflow }: Reading): void {
    const { sink, faults } = this.#context;
    faults.add(this.#collector, "malformed", malformed);
    faults.add(this.#collector, "limit", overflow);
    for (const [key, slot] of this.#slots) {
      if (values.has(key)) continue;
      sink.retire(slot);
      this.#slots.delete(key);
    }
    for (const [key, read] of values) {
      sink.set(this.#slots.get(key) ?? this.#define(key, read), read.value);
    }
  }

  #define(key: string, { spec, labels }: ReadValue): number {
    if (!this.#metrics.has(spec.name)) this.families.push(...familiesOf([spec]));
    this.#metrics.add(spec.name);
    const slot = defineSeries(this.#context.sink, spec, { job: JOB_NODE, ...labels });
    this.#slots.set(key, slot);
    return slot;
  }
}

/**
 * A collector that asks for everything anew in each run.
 * @param read bounds by itself how many series there are
 */
export function readingCollector(
  context: CollectContext,
  name: string,
  specs: readonly SeriesSpec[],
  read: (reading: Reading, nowMs: number) => void,
  close = () => {},
): Collector {
  const series = new ReadingSeries(context, name, specs);
  const collect = (nowMs: number) => {
    const reading = new Reading(Number.POSITIVE_INFINITY);
    read(reading, nowMs);
    series.take(reading);
  };
  return { name, families: series.families, collect, close };
}
