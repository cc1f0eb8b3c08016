import type { Counter, Metrics } from "../../../shared/telemetry/metrics.ts";
import type { LogMetric } from "../understand/log-metrics.ts";

type Count = { readonly of: () => number; readonly labels: Record<string, string>; before: number };

/** What configured metrics left out, as the aggregator's own counter. Each line of a batch counts once. */
export class LeftOutCounts {
  readonly #counter: Counter;
  readonly #counts: readonly Count[];

  constructor(logMetrics: readonly LogMetric[], metrics: Metrics) {
    this.#counter = metrics.counter(
      "telltale_log_metric_left_out_total",
      "Lines that a metric left out: their label set is beyond the bound, or their value no number.",
    );
    this.#counts = logMetrics.flatMap((one) => {
      const metric = one.table.family.name;
      return [
        { of: () => one.table.leftOut, labels: { metric, reason: "series" }, before: 0 },
        { of: () => one.notNumbers, labels: { metric, reason: "value" }, before: 0 },
      ];
    });
    for (const { labels } of this.#counts) this.#counter.add(0, labels);
  }

  /** Lines of a batch that was not written come again. */
  settle(isWritten: boolean): void {
    for (const count of this.#counts) {
      const now = count.of();
      if (isWritten && now > count.before) this.#counter.add(now - count.before, count.labels);
      count.before = now;
    }
  }
}
