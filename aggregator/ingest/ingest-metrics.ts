import type { Metrics } from "../../shared/telemetry/metrics.ts";

export type IngestMetrics = ReturnType<typeof ingestMetrics>;

export function ingestMetrics(metrics: Metrics) {
  const shown = {
    sessions: metrics.gauge("telltale_ingest_sessions", "Agents that are connected."),
    errors: metrics.counter(
      "telltale_ingest_errors_total",
      "Streams that were refused or broke, by code.",
    ),
    frames: metrics.counter(
      "telltale_ingest_frames_total",
      "Frames, by what became of them: stored, duplicate or rejected.",
    ),
    frameBytes: metrics.counter("telltale_ingest_frame_bytes_total", "Bytes of all frames."),
    samples: metrics.counter("telltale_ingest_samples_total", "Samples stored."),
    missing: metrics.counter(
      "telltale_ingest_frames_missing_total",
      "Sequences that were left out and will not come any more.",
    ),
    series: metrics.counter("telltale_ingest_series_total", "Series definitions taken."),
    blocks: metrics.counter(
      "telltale_ingest_log_blocks_total",
      "Blocks of log lines, by what became of them: stored, duplicate or rejected.",
    ),
    blockBytes: metrics.counter("telltale_ingest_log_block_bytes_total", "Bytes of all blocks."),
    lines: metrics.counter("telltale_ingest_log_lines_total", "Log lines stored."),
  };
  shown.sessions.set(0);
  const { frameBytes, samples, missing, series, blockBytes, lines } = shown;
  const plain = [frameBytes, samples, missing, series, blockBytes, lines];
  for (const counter of plain) counter.add(0);
  for (const outcome of ["stored", "duplicate", "rejected"]) {
    shown.frames.add(0, { outcome });
    shown.blocks.add(0, { outcome });
  }
  return shown;
}
