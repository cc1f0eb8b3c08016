import {
  type Labels,
  labelPairs,
  labelsFrom,
  labelValue,
  METRIC_NAME,
} from "../shared/model/labels.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { SeriesSink } from "./series-sink.ts";

/** CPU time in microseconds and resident memory in bytes, of this process. */
export type ProcessUsage = { readonly cpuUsec: number; readonly residentBytes: number };

/** How often the agent says how it does; in between the last values stand. */
const COLLECT_MS = 5000;
/** Seconds and ratios travel as millionths, everything else is a count. */
const FRACTION = /_(?:seconds|ratio)(?:_total)?$/;
const FRACTION_SCALE = 6;

type OwnSeries = { readonly slot: number; readonly factor: number };

/** Sends what the agent says of itself along with everything else, as job `telltale-agent`. */
export class SelfCollector {
  readonly #metrics: Metrics;
  readonly #usage: () => ProcessUsage;
  readonly #sink: SeriesSink;
  /** By the label set itself: a metric always gives the same one. */
  readonly #series = new Map<Labels, OwnSeries>();
  readonly #cpuSlot: number;
  readonly #memorySlot: number;
  #collectedAtMs = Number.NEGATIVE_INFINITY;

  constructor(metrics: Metrics, usage: () => ProcessUsage, sink: SeriesSink) {
    this.#metrics = metrics;
    this.#usage = usage;
    this.#sink = sink;
    this.#cpuSlot = sink.define(0, 6, ownLabels("process_cpu_seconds_total"));
    this.#memorySlot = sink.define(0, 0, ownLabels("process_resident_memory_bytes"));
  }

  /** Returns what the process used where it was asked, null where the last values stand. */
  collect(nowMs: number): ProcessUsage | null {
    if (Math.abs(nowMs - this.#collectedAtMs) < COLLECT_MS) {
      this.#keep();
      return null;
    }
    this.#collectedAtMs = nowMs;
    const usage = this.#usage();
    this.#sink.set(this.#cpuSlot, usage.cpuUsec);
    this.#sink.set(this.#memorySlot, usage.residentBytes);
    for (const { labels, value } of this.#metrics.samples()) {
      const { slot, factor } = this.#seriesOf(labels);
      this.#sink.set(slot, Math.round(value * factor));
    }
    return usage;
  }

  #keep(): void {
    this.#sink.keep(this.#cpuSlot);
    this.#sink.keep(this.#memorySlot);
    for (const { slot } of this.#series.values()) this.#sink.keep(slot);
  }

  #seriesOf(labels: Labels): OwnSeries {
    const known = this.#series.get(labels);
    if (known !== undefined) return known;
    const scale = FRACTION.test(labelValue(labels, METRIC_NAME)) ? FRACTION_SCALE : 0;
    const own = labelsFrom([...labelPairs(labels), ["job", "telltale-agent"]]);
    const series = { slot: this.#sink.define(0, scale, own), factor: 10 ** scale };
    this.#series.set(labels, series);
    return series;
  }
}

function ownLabels(name: string): Labels {
  return labelsFrom([
    ["__name__", name],
    ["job", "telltale-agent"],
  ]);
}
