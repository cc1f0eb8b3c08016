import {
  type Labels,
  labelsOf,
  labelValue,
  METRIC_NAME,
  withLabel,
} from "../../shared/model/labels.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import type { GroupSink } from "../model/group-sink.ts";
import { JOB_AGENT } from "./collector.ts";
import { SeriesGroup } from "./series-group.ts";

/** CPU time in microseconds and resident memory in bytes, of this process. */
export type ProcessUsage = { readonly cpuUsec: number; readonly residentBytes: number };

/** How often the agent reports on itself. */
const COLLECT_MS = 5000;
/** Seconds and ratios travel as millionths, everything else is a count. */
const FRACTION = /_(?:seconds|ratio)(?:_total)?$/;
const FRACTION_SCALE = 6;

type OwnSeries = { readonly slot: number; readonly factor: number };

/** Sends what the agent says of itself along with everything else, as job `telltale-agent`. */
export class SelfCollector {
  readonly #metrics: Metrics;
  readonly #usage: () => ProcessUsage;
  readonly #group: SeriesGroup;
  /** By the label set itself: a metric always gives the same one. */
  readonly #series = new Map<Labels, OwnSeries>();
  readonly #cpuSlot: number;
  readonly #memorySlot: number;
  #collectedAtMs = Number.NEGATIVE_INFINITY;

  constructor(metrics: Metrics, usage: () => ProcessUsage, groups: GroupSink) {
    this.#metrics = metrics;
    this.#usage = usage;
    this.#group = new SeriesGroup(groups);
    const labels = (name: string) => labelsOf({ [METRIC_NAME]: name, job: JOB_AGENT });
    this.#cpuSlot = this.#group.define(6, labels("process_cpu_seconds_total"));
    this.#memorySlot = this.#group.define(0, labels("process_resident_memory_bytes"));
  }

  /** Returns what the process used; null: nothing is due. */
  collect(nowMs: number): ProcessUsage | null {
    if (Math.abs(nowMs - this.#collectedAtMs) < COLLECT_MS) return null;
    this.#collectedAtMs = nowMs;
    const usage = this.#usage();
    this.#group.set(this.#cpuSlot, usage.cpuUsec);
    this.#group.set(this.#memorySlot, usage.residentBytes);
    for (const { labels, value } of this.#metrics.samples()) {
      const { slot, factor } = this.#seriesOf(labels);
      this.#group.set(slot, Math.round(value * factor));
    }
    this.#group.read(nowMs);
    return usage;
  }

  #seriesOf(labels: Labels): OwnSeries {
    const known = this.#series.get(labels);
    if (known !== undefined) return known;
    const scale = FRACTION.test(labelValue(labels, METRIC_NAME)) ? FRACTION_SCALE : 0;
    const slot = this.#group.define(scale, withLabel(labels, "job", JOB_AGENT));
    const series = { slot, factor: 10 ** scale };
    this.#series.set(labels, series);
    return series;
  }
}
