import { labelPairs, labelsFrom } from "../shared/model/labels.ts";
import type { Clock } from "../shared/platform/ports.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { Repetition } from "../shared/time/repeat.ts";
import type { WriteFn } from "./rules/ports.ts";

/** What rules can be written on; all there is of the aggregator itself is on its page /metrics. */
const NAMES: ReadonlySet<string> = new Set([
  "telltale_certificate_not_after_timestamp_seconds",
  "telltale_certificate_not_before_timestamp_seconds",
  "telltale_notification_attempts_failed_total",
  "telltale_notifications_total",
  "telltale_outbox_entries",
  "telltale_outbox_oldest_age_seconds",
  "telltale_page_streams",
  "telltale_rule_evaluation_failures_total",
  "telltale_store_bytes",
  "telltale_store_disk_free_bytes",
  "telltale_store_disk_size_bytes",
  "telltale_store_partitions",
  "telltale_store_series",
]);
const JOB = "telltale-aggregator";
const WRITE_GROUP = "own";
const EVERY_MS = 15_000;

type OwnSeriesDeps = {
  readonly metrics: Metrics;
  readonly write: WriteFn;
  readonly clock: Clock;
};

/** Writes a part of what the aggregator says of itself among the series, under `instance`. */
export function ownSeries({ metrics, write, clock }: OwnSeriesDeps, instance: string): Repetition {
  let lastMs = 0;
  return {
    failure: "cannot write the aggregator's own series",
    run: async () => {
      const nowMs = clock.nowMs();
      if (nowMs <= lastMs) return; // the clock was set back
      lastMs = nowMs;
      const samples = metrics.samples().filter(({ name }) => NAMES.has(name));
      const own = [
        ["instance", instance],
        ["job", JOB],
      ] as const;
      await write(
        WRITE_GROUP,
        nowMs,
        samples.map(({ labels, value }) => ({
          labels: labelsFrom([...labelPairs(labels), ...own]),
          value,
        })),
      );
    },
    pauseMs: () => EVERY_MS,
  };
}
