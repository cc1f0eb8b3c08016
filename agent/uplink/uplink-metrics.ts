import type { Metrics } from "../../shared/telemetry/metrics.ts";

export type UplinkMetrics = ReturnType<typeof uplinkMetrics>;

export function uplinkMetrics(metrics: Metrics) {
  const connected = metrics.gauge(
    "telltale_agent_uplink_connected",
    "1 while an aggregator takes this agent's frames.",
  );
  const destinationConnected = metrics.gauge(
    "telltale_agent_uplink_destination_connected",
    "1 while this aggregator takes this agent's frames.",
  );
  const shown = {
    failovers: metrics.counter(
      "telltale_agent_uplink_failovers_total",
      "Changes to another aggregator, by why the one before was left: broken, refused, silent, or for a preferred one.",
    ),
    connects: metrics.counter(
      "telltale_agent_uplink_connects_total",
      "Connections on which the aggregator welcomed this agent.",
    ),
    errors: metrics.counter(
      "telltale_agent_uplink_errors_total",
      "Connections that failed or broke, by code.",
    ),
    acks: metrics.counter("telltale_agent_uplink_acks_total", "Acks that told something new."),
    ackSeconds: metrics.gauge(
      "telltale_agent_uplink_ack_seconds",
      "From sending a frame to its ack, for the oldest frame of the last ack.",
    ),
    lateAcks: metrics.counter(
      "telltale_agent_uplink_late_acks_total",
      "Frames whose ack came more than 0.5 s after they were sent.",
    ),
    frames: metrics.counter(
      "telltale_agent_uplink_frames_sent_total",
      "Frames sent, repetitions included.",
    ),
    frameBytes: metrics.counter(
      "telltale_agent_uplink_frame_bytes_sent_total",
      "Bytes of the frames sent.",
    ),
    series: metrics.counter("telltale_agent_uplink_series_sent_total", "Series definitions sent."),
    clockOffset: metrics.gauge(
      "telltale_agent_clock_offset_seconds",
      "How far this node's clock is ahead of the aggregator's; negative: behind.",
    ),
    reached(destination: string, isConnected: boolean): void {
      const value = isConnected ? 1 : 0;
      connected.set(value);
      destinationConnected.set(value, { destination });
    },
  };
  connected.set(0);
  for (const reason of ["broken", "preferred", "refused", "silent"]) {
    shown.failovers.add(0, { reason });
  }
  const { connects, acks, lateAcks, frames, frameBytes, series } = shown;
  for (const counter of [connects, acks, lateAcks, frames, frameBytes, series]) counter.add(0);
  return shown;
}
