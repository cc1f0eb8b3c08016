import type { OperationalError } from "../../../shared/errors.ts";
import type { Metrics } from "../../../shared/telemetry/metrics.ts";

/** What the journal's reader says of itself. */
export class JournalReport {
  readonly #metrics: ReturnType<typeof metricsOf>;

  constructor(metrics: Metrics) {
    this.#metrics = metricsOf(metrics);
  }

  read(bytes: number): void {
    this.#metrics.bytes.add(bytes);
  }

  entry(): void {
    this.#metrics.entries.add();
  }

  sent(lines: number): void {
    this.#metrics.lines.add(lines);
  }

  fault({ code }: Pick<OperationalError, "code">): void {
    this.#metrics.faults.add(1, { code });
  }

  lag(seconds: number): void {
    this.#metrics.lagSeconds.set(Math.max(0, seconds));
  }
}

function metricsOf(metrics: Metrics) {
  const { counter, gauge } = {
    counter: (name: string, help: string) =>
      metrics.counter(`telltale_agent_log_journal_${name}`, help),
    gauge: (name: string, help: string) =>
      metrics.gauge(`telltale_agent_log_journal_${name}`, help),
  };
  return {
    entries: counter("entries_total", "Entries read of the systemd journal"),
    bytes: counter(
      "read_bytes_total",
      "Bytes read of the systemd journal, as journalctl prints it",
    ),
    lines: counter("lines_total", "Log lines of the systemd journal handed on"),
    faults: counter("faults_total", "Failures to read the systemd journal"),
    lagSeconds: gauge("lag_seconds", "Age of the newest entry of the systemd journal when read"),
  };
}
