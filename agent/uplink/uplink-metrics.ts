import type { Counter, Gauge, Metrics } from "../../shared/telemetry/metrics.ts";

export class UplinkMetrics {
  readonly #connected: Gauge;
  readonly #destinationConnected: Gauge;
  readonly failovers: Counter;
  readonly connects: Counter;
  readonly errors: Counter;
  readonly acks: Counter;
  readonly ackSeconds: Gauge;
  readonly frames: Counter;
  readonly frameBytes: Counter;
  readonly series: Counter;
  readonly clockOffset: Gauge;

  constructor(metrics: Metrics) {
    this.#connected = metrics.gauge(
      "telltale_agent_uplink_connected",
      "1 while an aggregator takes this agent's frames.",
    );
    this.#destinationConnected = metrics.gauge(
      "telltale_agent_uplink_destination_connected",
      "1 while this aggregator takes this agent's frames.",
    );
    this.failovers = metrics.counter(
      "telltale_agent_uplink_failovers_total",
      "Changes to another aggregator, by why the one before was left: broken, refused, silent, or for a preferred one.",
    );
    this.connects = metrics.counter(
      "telltale_agent_uplink_connects_total",
      "Connections on which the aggregator welcomed this agent.",
    );
    this.errors = metrics.counter(
      "telltale_agent_uplink_errors_total",
      "Connections that failed or broke, by code.",
    );
    this.acks = metrics.counter(
      "telltale_agent_uplink_acks_total",
      "Acks that told something new.",
    );
    this.ackSeconds = metrics.gauge(
      "telltale_agent_uplink_ack_seconds",
      "From sending a frame to its ack, for the newest frame of the last ack.",
    );
    this.frames = metrics.counter(
      "telltale_agent_uplink_frames_sent_total",
      "Frames sent, repetitions included.",
    );
    this.frameBytes = metrics.counter(
      "telltale_agent_uplink_frame_bytes_sent_total",
      "Bytes of the frames sent.",
    );
    this.series = metrics.counter(
      "telltale_agent_uplink_series_sent_total",
      "Series definitions sent.",
    );
    this.clockOffset = metrics.gauge(
      "telltale_agent_clock_offset_seconds",
      "How far this node's clock is ahead of the aggregator's; negative: behind.",
    );
    this.#connected.set(0);
    for (const reason of ["broken", "preferred", "refused", "silent"]) {
      this.failovers.add(0, { reason });
    }
    const plain = [this.connects, this.acks, this.frames, this.frameBytes, this.series];
    for (const counter of plain) counter.add(0);
  }

  reached(destination: string, isConnected: boolean): void {
    const value = isConnected ? 1 : 0;
    this.#connected.set(value);
    this.#destinationConnected.set(value, { destination });
  }
}
