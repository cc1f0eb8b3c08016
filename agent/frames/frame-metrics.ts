import type { Counter, Gauge, Metrics } from "../../shared/telemetry/metrics.ts";
import { type Ledger, newLedger, waitingFrames } from "../queue/ledger.ts";

/** Shows the ledger: counters go on over restarts, as it does. */
export class BufferMetrics {
  readonly #made: Counter;
  readonly #stored: Counter;
  readonly #dropped: Counter;
  readonly #samplesDropped: Counter;
  readonly #waiting: Gauge;
  readonly #bytes: Gauge;
  #shown: Ledger = newLedger("");

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

  show(ledger: Ledger, bytes: number): void {
    const shown = this.#shown;
    this.#made.add(ledger.made - shown.made);
    this.#stored.add(ledger.stored - shown.stored);
    for (const { reason, frames, samples } of ledger.dropped) {
      const before = shown.dropped.find((entry) => entry.reason === reason);
      this.#dropped.add(frames - (before?.frames ?? 0), { reason });
      this.#samplesDropped.add(samples - (before?.samples ?? 0), { reason });
    }
    this.#waiting.set(waitingFrames(ledger));
    this.#bytes.set(bytes);
    this.#shown = ledger;
  }
}
