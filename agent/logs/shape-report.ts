import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { newShapeCounts, type ShapeCounts } from "./shape/shape-counts.ts";

type Count = Exclude<keyof ShapeCounts, "masked">;

const HELPS: Readonly<Record<Count, readonly [name: string, help: string]>> = {
  linesCut: ["lines_cut", "Log lines that were longer than the limit."],
  bytesCut: ["cut_bytes", "Bytes of log lines beyond the limit, which were left out."],
  linesReplaced: ["lines_replaced", "Log lines with bytes that are no UTF-8, which were replaced."],
  recordsMalformed: ["records_malformed", "Records of a container runtime that are none."],
  holeBytes: ["hole_bytes", "Bytes of holes in log files, which were left out."],
  linesJoined: ["lines_joined", "Log lines that became part of the one before."],
};

/** Shows what was done to the text of log lines. */
export class ShapeReport {
  readonly counts = newShapeCounts();
  readonly #shown = newShapeCounts();
  readonly #counters: ReadonlyMap<Count, ReturnType<Metrics["counter"]>>;
  readonly #masked: ReturnType<Metrics["counter"]>;

  constructor(metrics: Metrics) {
    const counter = (name: string, help: string) =>
      metrics.counter(`telltale_agent_log_${name}_total`, help);
    const names = Object.keys(HELPS) as Count[];
    this.#counters = new Map(names.map((name) => [name, counter(...HELPS[name])]));
    this.#masked = counter("masked", "Secrets in log lines that were masked, by rule.");
  }

  show(): void {
    for (const [name, counter] of this.#counters) {
      counter.add(this.counts[name] - this.#shown[name]);
      this.#shown[name] = this.counts[name];
    }
    for (const [rule, count] of this.counts.masked) {
      this.#masked.add(count - (this.#shown.masked.get(rule) ?? 0), { rule });
      this.#shown.masked.set(rule, count);
    }
  }
}
