import { DEFAULT_LINE_LOG_OPTIONS, LineLog } from "../../aggregator/logs/line-log.ts";
import { logMetrics } from "../../aggregator/logs/understand/log-metrics-config.ts";
import {
  type LogWatch,
  openLogWatch,
  type PatternSink,
} from "../../aggregator/logs/watch/log-watch.ts";
import { OperationalError } from "../../shared/errors.ts";
import type { VectorSample } from "../../shared/model/columns.ts";
import { formatLabels, type Labels, labelsOf } from "../../shared/model/labels.ts";
import { seqOf } from "../../shared/model/sequence.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { encodeBlock } from "../../shared/wire/line-block.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { MemoryDisk, MemoryStore } from "./memory-store.ts";

export const STREAM_ID = "0123456789abcdef0123456789abcdef";
export const WEB = labelsOf({ job: "files", service: "web" });
export const PAID = logMetrics.parse([
  {
    ...{ name: "paid_cents_total", type: "counter", pattern: "paid (?P<by>\\w+) (?P<cents>\\d+)" },
    ...{ labels: ["by"], value: "cents", series_max: 3 },
  },
]);

/** A line of an access log. */
export function request(path: string, status = 200, seconds = "0.020") {
  return `::1 - - [30/Nov/2026:03:14:15 +0000] "GET ${path} HTTP/1.1" ${status} 5 "-" "curl" ${seconds}`;
}

/** An aggregator's log store with what looks at its lines; `open` again after a crash. */
export class LogHub {
  readonly disk = new MemoryDisk();
  readonly clock = new FakeClock();
  readonly written: { timeMs: number; samples: readonly VectorSample[] }[] = [];
  /** Its write of series fails. */
  isSeriesDown = false;
  patterns: PatternSink | null = null;
  metrics = new Metrics();
  log = undefined as unknown as LineLog; // `open` sets these
  watch = undefined as unknown as LogWatch;
  #sent = 0;

  static async open(): Promise<LogHub> {
    const hub = new LogHub();
    await hub.open();
    return hub;
  }

  async open(random = () => 0, config = PAID): Promise<void> {
    this.metrics = new Metrics();
    const store = new MemoryStore(this.disk, { random });
    const { clock, metrics } = this;
    const deps = { store, clock, logger: new MemoryLogger(), metrics };
    const write = async (group: string, timeMs: number, samples: readonly VectorSample[]) => {
      if (this.isSeriesDown) throw new OperationalError("STORAGE", "no room");
      if (group === "log metric http_requests_total") this.written.push({ timeMs, samples });
    };
    this.watch = await openLogWatch({ ...deps, write, patterns: this.patterns }, config);
    this.log = new LineLog(deps, { ...DEFAULT_LINE_LOG_OPTIONS, watch: this.watch });
    await this.log.recover();
  }

  /** Until they are stored. */
  async store(lines: readonly string[], labels: Labels = WEB, node = "n1"): Promise<void> {
    this.#sent += 1;
    const block = blockOf(this.#sent, lines, labels);
    const stored = this.log.commit(
      [{ kind: "block", node, streamId: STREAM_ID, bytes: block }],
      {}, // a session of its own
    );
    await Promise.all([stored, this.clock.advance(10)]);
  }

  async reopen(config = PAID): Promise<void> {
    await this.log.close();
    await this.open(() => 0, config);
  }

  /** All series that are seen now; the node of all is left out. */
  totals(): string[] {
    return this.watch
      .series()
      .map(({ labels, value }) => `${formatLabels(labels).replace('instance="n1", ', "")} ${value}`)
      .sort();
  }

  total(name: string): number {
    return sumOf(this.watch.series(), name);
  }
}

export function blockOf(seq: number, lines: readonly string[], labels = WEB): Uint8Array {
  const own = lines.map((text) => ({ timeUs: 1e15, bytes: Buffer.from(text), isCut: false }));
  return encodeBlock(seqOf(1, seq), 1e12, [{ labels, lines: own }]);
}

function sumOf(samples: readonly VectorSample[], name: string): number {
  const meant = samples.filter(({ labels }) => formatLabels(labels).startsWith(`${name}{`));
  return meant.reduce((sum, { value }) => sum + value, 0);
}
