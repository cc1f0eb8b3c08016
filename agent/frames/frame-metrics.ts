import type { Accounts } from "../../shared/model/accounts.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";

const NOTHING: Accounts = { made: 0, stored: 0, waiting: 0, dropped: [], settledSeq: 0 };

/** Shows the ledger: counters go on over restarts, as it does. */
export class FrameMetrics {
  readonly #made;
  readonly #stored;
  readonly #dropped;
  readonly #samplesDropped;
  readonly #waiting;
  readonly #bytes;
  #shown = NOTHING;

  constructor(metrics: Metrics) {
    this.#made = metrics.counter("telltale_agent_frames_made_total", "Frames made.");
    this.#stored = metrics.counter(
      "telltale_agent_frames_stored_total",
      "Frames that are safe at the aggregator.",
    );
    this.#dropped = metrics.counter(
      "telltale_agent_frames_dropped_total",
      "Frames that were made and will not be stored, by reason.",
    );
    this.#samplesDropped = metrics.counter(
      "telltale_agent_samples_dropped_total",
      "Samples in dropped frames, by reason; a mean where only a part of a stretch was dropped.",
    );
    this.#waiting = metrics.gauge(
      "telltale_agent_frames_waiting",
      "Frames in the buffer that are not yet safe at the aggregator.",
    );
    this.#bytes = metrics.gauge(
      "telltale_agent_buffer_bytes",
      "Frames and definitions in the buffer, those included that are kept for a reader to begin at.",
    );
  }

  show(accounts: Accounts, bytes: number): void {
    const shown = this.#shown;
    this.#made.add(accounts.made - shown.made);
    this.#stored.add(accounts.stored - shown.stored);
    for (const { reason, frames, samples } of accounts.dropped) {
      const before = shown.dropped.find((entry) => entry.reason === reason);
      this.#dropped.add(frames - (before?.frames ?? 0), { reason });
      this.#samplesDropped.add(samples - (before?.samples ?? 0), { reason });
    }
    this.#waiting.set(accounts.waiting);
    this.#bytes.set(bytes);
    this.#shown = accounts;
  }
}
