import type { AppendLines } from "../../agent/receive/otlp/otlp-logs.ts";
import { startOtlp } from "../../agent/receive/otlp/start-otlp.ts";
import { PushedSeries } from "../../agent/receive/pushed-series.ts";
import { formatLabels, NO_LABELS } from "../../shared/model/labels.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { freePorts } from "./programs.ts";
import { TableSink } from "./table-sink.ts";

type Line = { readonly stream: string; readonly metadata: string; readonly text: string };

const HOST = "127.0.0.1";

/** The real doors, with the agent's series and lines as tables. */
export class OtlpBed implements AsyncDisposable {
  readonly metrics = new Metrics();
  readonly sink = new TableSink();
  readonly lines: Line[] = [];
  /** What `append` throws. */
  failure: Error | null = null;
  readonly pushed: PushedSeries;
  grpcUrl = "";
  httpUrl = "";
  #doors: AsyncDisposable | null = null;

  private constructor(series: number) {
    const { metrics } = this;
    const limits = { senders: 10, series };
    this.pushed = new PushedSeries("otlp", this.sink, limits, { clock: nodeClock, metrics });
  }

  static async open(options: { bytesMax?: number; series?: number } = {}): Promise<OtlpBed> {
    const bed = new OtlpBed(options.series ?? 1000);
    const [grpc, http] = await freePorts();
    const { metrics, pushed } = bed;
    bed.#doors = await startOtlp(
      {
        grpc: { host: HOST, port: grpc },
        http: { host: HOST, port: http },
        request_bytes_max: options.bytesMax ?? 4 * 1024 ** 2,
      },
      { labels: {}, lineBytesMax: 1000, mask: (text) => text },
      {
        clock: nodeClock,
        logger: new MemoryLogger(),
        metrics,
        pushed,
        append: bed.#append,
        node: "n1",
      },
    );
    bed.grpcUrl = `http://${HOST}:${grpc}`;
    bed.httpUrl = `http://${HOST}:${http}`;
    return bed;
  }

  readonly #append: AppendLines = async (batch) => {
    if (this.failure !== null) throw this.failure;
    for (const { labels, metadata = NO_LABELS, bytes } of batch) {
      const text = Buffer.from(bytes).toString();
      this.lines.push({ stream: formatLabels(labels), metadata: formatLabels(metadata), text });
    }
  };

  tick(): void {
    this.pushed.tick(nodeClock.nowMs());
  }

  /** The samples of each series, without their times; null: it ended. */
  values(): Record<string, (number | null)[]> {
    const series = [...this.sink.series].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      series.map(([key, { samples }]) => [key, samples.map(([, value]) => value)]),
    );
  }

  /** Of a counter of the agent's own, by the value of one of its labels. */
  counted(name: string, label: string): Record<string, number> {
    const counted: Record<string, number> = {};
    for (const { name: of, labels, value } of this.metrics.samples()) {
      const key = labels[labels.indexOf(label) + 1] ?? "";
      if (of === name && value > 0) counted[key] = (counted[key] ?? 0) + value;
    }
    return counted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#doors?.[Symbol.asyncDispose]();
  }
}
