import type { Counter, Gauge, Metrics } from "../../shared/telemetry/metrics.ts";

export class IngestMetrics {
  readonly sessions: Gauge;
  readonly errors: Counter;
  readonly frames: Counter;
  readonly frameBytes: Counter;
  readonly samples: Counter;
  readonly missing: Counter;
  readonly series: Counter;
  readonly commits: Counter;
  readonly commitFailures: Counter;
  readonly commitSeconds: Counter;

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
    this.commits = metrics.counter("telltale_ingest_commits_total", "Commits, one fsync each.");
    this.commitFailures = metrics.counter(
      "telltale_ingest_commit_failures_total",
      "Commits that could not be written; nothing of them was acked.",
    );
    this.commitSeconds = metrics.counter(
      "telltale_ingest_commit_seconds_total",
      "Time that commits took.",
    );
    this.sessions.set(0);
    const { frameBytes, samples, missing, series, commits, commitFailures, commitSeconds } = this;
    const plain = [frameBytes, samples, missing, series, commits, commitFailures, commitSeconds];
    for (const counter of plain) counter.add(0);
    for (const outcome of ["stored", "duplicate", "rejected"]) this.frames.add(0, { outcome });
  }
}
