import type { Counter, Gauge, Metrics } from "../../shared/telemetry/metrics.ts";

export class IngestMetrics {
  readonly sessions: Gauge;
  readonly errors: Counter;
  readonly frames: Counter;
  readonly frameBytes: Counter;
  readonly samples: Counter;
  readonly missing: Counter;
  readonly series: Counter;

  constructor(metrics: Metrics) {
    this.sessions = metrics.gauge("telltale_ingest_sessions", "Agents that are connected.");
    this.errors = metrics.counter(
      "telltale_ingest_errors_total",
      "Streams that were refused or broke, by code.",
    );
    this.frames = metrics.counter(
      "telltale_ingest_frames_total",
      "Frames, by what became of them: stored, duplicate or rejected.",
    );
    this.frameBytes = metrics.counter("telltale_ingest_frame_bytes_total", "Bytes of all frames.");
    this.samples = metrics.counter("telltale_ingest_samples_total", "Samples stored.");
    this.missing = metrics.counter(
      "telltale_ingest_frames_missing_total",
      "Sequences that were left out and will not come any more.",
    );
    this.series = metrics.counter("telltale_ingest_series_total", "Series definitions taken.");
    this.sessions.set(0);
    const plain = [this.frameBytes, this.samples, this.missing, this.series];
    for (const counter of plain) counter.add(0);
    for (const outcome of ["stored", "duplicate", "rejected"]) this.frames.add(0, { outcome });
  }
}
