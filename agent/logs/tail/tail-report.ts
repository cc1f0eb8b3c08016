import type { OperationalError } from "../../../shared/errors.ts";
import { errorMessage } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/platform/ports.ts";
import type { Metrics } from "../../../shared/telemetry/metrics.ts";

/** What cannot be delivered: all of a file from `fromOffset` to its end. */
export type Loss = {
  readonly path: string;
  readonly reason: "truncated" | "removed" | "damaged";
  readonly fromOffset: number;
  /** What was seen to be there. */
  readonly bytesSeen: number;
  /** What was written later, if anything was, was written within these: Unix milliseconds. */
  readonly fromMs: number;
  readonly untilMs: number;
};

/** Paths whose faults are remembered, so that each is logged once. */
const FAULTS_MAX = 1000;

export type FileCounts = {
  readonly files: number;
  readonly leftOut: number;
};

export type Lags = {
  readonly bytes: number;
  readonly seconds: number;
  readonly stalledFiles: number;
};

/** What the tailer says of itself. */
export class TailReport {
  readonly #logger: Logger;
  readonly #metrics: ReturnType<typeof metricsOf>;
  readonly #faults = new Set<string>();

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#metrics = metricsOf(metrics);
  }

  read(bytes: number): void {
    this.#metrics.readBytes.add(bytes);
  }

  sent(lines: number): void {
    this.#metrics.lines.add(lines);
  }

  rotated(): void {
    this.#metrics.rotations.add();
  }

  lost(loss: Loss): void {
    const { reason, bytesSeen, fromMs, untilMs } = loss;
    this.#metrics.losses.add(1, { reason });
    this.#metrics.lostBytes.add(bytesSeen, { reason });
    this.#metrics.lossSeconds.add(Math.max(0, untilMs - fromMs) / 1000, { reason });
    if (bytesSeen > 0)
      this.#logger.warn(loss, "log lines lost: they were gone before they were read");
    else this.#logger.info(loss, "log lines may be lost: a file was truncated after it was copied");
  }

  fault(error: OperationalError, path: string): void {
    this.#metrics.faults.add(1, { code: error.code });
    if (this.#faults.has(path)) return;
    if (this.#faults.size < FAULTS_MAX) this.#faults.add(path);
    this.#logger.warn({ path, error: errorMessage(error) }, "log file cannot be read");
  }

  works(path: string): void {
    if (this.#faults.delete(path)) this.#logger.info({ path }, "log file can be read again");
  }

  cursorDamaged(error: string): void {
    this.#metrics.faults.add(1, { code: "PARSE" });
    this.#logger.error({ error }, "cursor of a log file is damaged");
  }

  counts({ files, leftOut }: FileCounts): void {
    this.#metrics.files.set(files);
    this.#metrics.leftOut.set(leftOut);
  }

  lags({ bytes, seconds, stalledFiles }: Lags): void {
    this.#metrics.lagBytes.set(bytes);
    this.#metrics.lagSeconds.set(seconds);
    this.#metrics.stalled.set(stalledFiles);
  }
}

function metricsOf(metrics: Metrics) {
  const { counter, gauge } = {
    counter: (name: string, help: string) => metrics.counter(`telltale_agent_log_${name}`, help),
    gauge: (name: string, help: string) => metrics.gauge(`telltale_agent_log_${name}`, help),
  };
  return {
    files: gauge("files", "Log files that are open"),
    leftOut: gauge("files_left_out", "Log files and directories beyond the limits"),
    readBytes: counter("read_bytes_total", "Bytes read of log files"),
    lines: counter("lines_total", "Log lines handed on"),
    rotations: counter("rotations_total", "Log files that another file took the place of"),
    losses: counter(
      "losses_total",
      "Log files that were gone, or truncated after they were copied, before they were read to the end",
    ),
    lostBytes: counter(
      "lost_bytes_total",
      "Bytes of log files seen and gone before they were read",
    ),
    lossSeconds: counter(
      "loss_window_seconds_total",
      "Time in which lines may have been written that were gone before they were seen",
    ),
    faults: counter("faults_total", "Log files and directories that could not be read"),
    lagBytes: gauge("lag_bytes", "Bytes of log files not yet read"),
    lagSeconds: gauge("lag_seconds", "Longest time since a log file was read to its end"),
    stalled: gauge("stalled_files", "Log files with bytes that nobody has read for a while"),
  };
}
