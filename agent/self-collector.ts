import { type Labels, labelPairs, labelsFrom, labelsKey } from "../shared/model/labels.ts";
import { DOUBLE_SCALE } from "../shared/model/series-definition.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { SeriesSink } from "./series-sink.ts";

/** CPU time in microseconds and resident memory in bytes, of this process. */
export type ProcessUsage = { readonly cpuUsec: number; readonly residentBytes: number };

/** Sends what the agent says of itself along with everything else, as job `telltale-agent`. */
export class SelfCollector {
  readonly #metrics: Metrics;
  readonly #usage: () => ProcessUsage;
  readonly #sink: SeriesSink;
  readonly #slots = new Map<string, number>();
  readonly #cpuSlot: number;
  readonly #memorySlot: number;

  constructor(metrics: Metrics, usage: () => ProcessUsage, sink: SeriesSink) {
    this.#metrics = metrics;
    this.#usage = usage;
    this.#sink = sink;
    this.#cpuSlot = sink.define(0, 6, ownLabels("process_cpu_seconds_total"));
    this.#memorySlot = sink.define(0, 0, ownLabels("process_resident_memory_bytes"));
  }

  collect(): void {
    const { cpuUsec, residentBytes } = this.#usage();
    this.#sink.set(this.#cpuSlot, cpuUsec);
    this.#sink.set(this.#memorySlot, residentBytes);
    for (const { labels, value } of this.#metrics.samples()) {
      this.#sink.set(this.#slotOf(labels), value);
    }
  }

  #slotOf(labels: Labels): number {
    const key = labelsKey(labels);
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const own = labelsFrom([...labelPairs(labels), ["job", "telltale-agent"]]);
    const slot = this.#sink.define(0, DOUBLE_SCALE, own);
    this.#slots.set(key, slot);
    return slot;
  }
}

function ownLabels(name: string): Labels {
  return labelsFrom([
    ["__name__", name],
    ["job", "telltale-agent"],
  ]);
}
