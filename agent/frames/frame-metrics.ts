import type { Accounts } from "../../shared/model/accounts.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";

const NOTHING: Accounts = { made: 0, stored: 0, waiting: 0, dropped: [], settledSeq: 0 };

/** Shows the ledger when it is called with it: counters go on over restarts, as the ledger does. */
export function frameMetrics(metrics: Metrics): (accounts: Accounts, bytes: number) => void {
  const made = metrics.counter("telltale_agent_frames_made_total", "Frames made.");
  const stored = metrics.counter(
    "telltale_agent_frames_stored_total",
    "Frames that are safe at the aggregator.",
  );
  const dropped = metrics.counter(
    "telltale_agent_frames_dropped_total",
    "Frames that were made and will not be stored, by reason.",
  );
  const samplesDropped = metrics.counter(
    "telltale_agent_samples_dropped_total",
    "Samples in dropped frames, by reason; a mean where only a part of a stretch was dropped.",
  );
  const waiting = metrics.gauge(
    "telltale_agent_frames_waiting",
    "Frames in the buffer that are not yet safe at the aggregator.",
  );
  const buffered = metrics.gauge(
    "telltale_agent_buffer_bytes",
    "Frames and definitions in the buffer, those included that are kept for a reader to begin at.",
  );
  let shown = NOTHING;
  return (accounts, bytes) => {
    made.add(accounts.made - shown.made);
    stored.add(accounts.stored - shown.stored);
    for (const { reason, frames, samples } of accounts.dropped) {
      const before = shown.dropped.find((entry) => entry.reason === reason);
      dropped.add(frames - (before?.frames ?? 0), { reason });
      samplesDropped.add(samples - (before?.samples ?? 0), { reason });
    }
    waiting.set(accounts.waiting);
    buffered.set(bytes);
    shown = accounts;
  };
}
