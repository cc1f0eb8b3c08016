import { labelsOf } from "../../shared/model/labels.ts";

/** Where a collector puts its values: series that are read together. */
export type SeriesSink = {
  /** A series; its values are integers × 10^-scale. Returns the slot to set. */
  define(scale: number, labels: readonly string[]): number;
  /** The series will not come back; the slot may be given out again. */
  retire(slot: number): void;
  /** The value of this reading. A series that is not set in a reading ends with it. */
  set(slot: number, value: number): void;
  /** As `set`, for this reading and all that follow, until `end`. */
  hold(slot: number, value: number): void;
  end(slot: number): void;
};

type MetricType = "counter" | "gauge";

export type MetricFamily = {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
};

/** One source of metrics. A fault in one never touches another: see tick.ts. */
export type Collector = {
  /** As in `node_scrape_collector_success{collector="…"}`. */
  readonly name: string;
  /** May grow where the kernel decides the names (meminfo, vmstat). */
  readonly families: readonly MetricFamily[];
  /** Sets every series that has a value at `nowMs`. Never waits for anything but the kernel. */
  collect(nowMs: number): void;
  /**
   * Of a collector that reads in the background: when that was read which the last `collect` set;
   * null: nothing was read since, and it set nothing.
   */
  readonly readAtMs?: number | null;
  close(): void;
};

export const JOB_NODE = "node";
export const JOB_CONTAINERS = "cadvisor";
export const JOB_AGENT = "telltale-agent";

/** One metric of a row: the same labels as its siblings, and its own `labels` on top. */
export type SeriesSpec = MetricFamily & {
  readonly scale: number;
  readonly labels?: Readonly<Record<string, string>>;
};

export function counter(name: string, help: string, scale = 0): SeriesSpec {
  return { name, type: "counter", help, scale };
}

export function gauge(name: string, help: string, scale = 0): SeriesSpec {
  return { name, type: "gauge", help, scale };
}

/** The families of the specs, each name once. */
export function familiesOf(specs: readonly SeriesSpec[]): MetricFamily[] {
  const byName = new Map<string, MetricFamily>();
  for (const { name, type, help } of specs) byName.set(name, { name, type, help });
  return [...byName.values()];
}

/** Text from outside (device names, mount points, units) that becomes a label's value. */
const LABEL_CHARACTERS_MAX = 1024;

/** A series of the spec, with these labels and its own; returns the slot. */
export function defineSeries(
  sink: SeriesSink,
  spec: SeriesSpec,
  own: Readonly<Record<string, string>>,
): number {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...own, ...spec.labels })) {
    labels[name] = value.slice(0, LABEL_CHARACTERS_MAX);
  }
  return sink.define(spec.scale, labelsOf({ ...labels, __name__: spec.name }));
}

const UNDEFINED_SLOT = -1;

/**
 * The series that share labels: of one disk, one network device, one cgroup. A series is defined
 * when it first has a value, so what a kernel does not offer never becomes a series.
 */
export class SeriesRow {
  readonly #sink: SeriesSink;
  readonly #specs: readonly SeriesSpec[];
  readonly #labels: Readonly<Record<string, string>>;
  readonly #sinkOf: (index: number) => SeriesSink;
  readonly #slots: Int32Array;
  /** What `hold` was given last, NaN at first; null: not called yet. */
  #held: Float64Array | null = null;

  /** @param sinkOf where the series of one spec belongs, if not all of them are read together */
  constructor(
    sink: SeriesSink,
    specs: readonly SeriesSpec[],
    labels: Readonly<Record<string, string>>,
    sinkOf: (index: number) => SeriesSink = () => sink,
  ) {
    this.#sink = sink;
    this.#specs = specs;
    this.#labels = labels;
    this.#sinkOf = sinkOf;
    this.#slots = new Int32Array(specs.length).fill(UNDEFINED_SLOT);
  }

  /** `value` as the integer of the spec's scale. Negative: there is none, the series ends. */
  set(index: number, value: number): void {
    if (value < 0) return;
    let slot = this.#slots[index] ?? UNDEFINED_SLOT;
    if (slot === UNDEFINED_SLOT) slot = this.#define(index);
    this.#sink.set(slot, value);
  }

  /** As `set`, where a negative value is as good as any. */
  setSigned(index: number, value: number): void {
    const slot = this.#slots[index] ?? UNDEFINED_SLOT;
    this.#sink.set(slot === UNDEFINED_SLOT ? this.#define(index) : slot, value);
  }

  /** The first values of `values`, one per spec. */
  setAll(values: Float64Array): void {
    for (let index = 0; index < this.#slots.length; index += 1) {
      this.set(index, values[index] ?? UNDEFINED_SLOT);
    }
  }

  /**
   * Values, one per spec, that stand until the next call: only those that changed cost anything.
   * Negative: there is none.
   */
  holdAll(values: Float64Array): void {
    for (let index = 0; index < this.#slots.length; index += 1) {
      this.hold(index, values[index] ?? UNDEFINED_SLOT);
    }
  }

  /** As `holdAll`, of one value. */
  hold(index: number, value: number): void {
    this.#held ??= new Float64Array(this.#slots.length).fill(Number.NaN);
    if (value === this.#held[index]) return;
    this.#held[index] = value;
    let slot = this.#slots[index] ?? UNDEFINED_SLOT;
    if (value >= 0) {
      if (slot === UNDEFINED_SLOT) slot = this.#define(index);
      this.#sink.hold(slot, value);
    } else if (slot !== UNDEFINED_SLOT) this.#sink.end(slot);
  }

  /** No series has a value any more, until one is given again. */
  endAll(): void {
    for (const slot of this.#slots) if (slot !== UNDEFINED_SLOT) this.#sink.end(slot);
    this.#held = null;
  }

  retire(): void {
    for (const slot of this.#slots) if (slot !== UNDEFINED_SLOT) this.#sink.retire(slot);
    this.#slots.fill(UNDEFINED_SLOT);
    this.#held = null;
  }

  #define(index: number): number {
    const spec = this.#specs[index];
    if (spec === undefined) throw new RangeError(`No series ${index} in this row`);
    const slot = defineSeries(this.#sinkOf(index), spec, this.#labels);
    this.#slots[index] = slot;
    return slot;
  }
}
