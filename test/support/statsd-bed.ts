import {
  type DatagramSource,
  Statsd,
  type StatsdOptions,
} from "../../agent/receive/statsd/statsd.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { TableSink } from "./table-sink.ts";

const OPTIONS: StatsdOptions = {
  udp: { host: "127.0.0.1", port: 8125 },
  unix: null,
  receive_buffer: 2 ** 20,
  series_max: 1000,
  timer_buckets: [0.01, 0.1, 1],
  histogram_buckets: [1, 10],
};

/** A receiver of StatsD in memory: datagrams go in, and what each tick's sink was told comes out. */
export class StatsdBed {
  readonly clock = new FakeClock();
  readonly metrics = new Metrics();
  readonly logger = new MemoryLogger();
  readonly statsd: Statsd;
  sink = new TableSink();
  readonly #waiting: (Buffer | "cut")[] = [];
  #wake = () => {};
  lost = 0;

  constructor(options: Partial<StatsdOptions> = {}) {
    this.statsd = new Statsd({ ...OPTIONS, ...options }, this.sink, this);
  }

  async listen(): Promise<AsyncDisposable> {
    const socket: DatagramSource = {
      ...{ kind: "udp", door: "127.0.0.1:8125", receiveBufferBytes: OPTIONS.receive_buffer },
      receive: (take) => {
        const [one] = this.#waiting.splice(0, 1);
        if (one === undefined) return 0;
        take(one === "cut" ? Buffer.of() : one, one === "cut");
        return 1;
      },
      lost: () => this.lost,
    };
    return await this.statsd.listen(async () => ({
      sockets: [socket],
      readable: async () => {
        if (this.#waiting.length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      },
      [Symbol.asyncDispose]: async () => this.#wake(),
    }));
  }

  /** Datagrams come in, and a tick takes what they were. */
  async send(...datagrams: (string | Buffer)[]): Promise<void> {
    for (const one of datagrams) this.#waiting.push(one === "cut" ? one : Buffer.from(one));
    this.#wake();
    await this.clock.advance(500);
    await this.tick(500);
  }

  async tick(ms = 1000): Promise<void> {
    await this.clock.advance(ms);
    this.statsd.tick(this.clock.nowMs());
  }

  reload(): void {
    this.sink = new TableSink();
    this.statsd.useSink(this.sink);
  }

  /** What each series was at last; null: it has ended. Without `job="statsd"`. */
  get values(): Record<string, number | null> {
    const told = [...this.sink.series].map(([key, { samples }]): [string, number | null] => {
      const name = key
        .replace(/,?job:statsd/, "")
        .replace("{,", "{")
        .replace("{}", "");
      return [name, samples.at(-1)?.[1] ?? null];
    });
    return Object.fromEntries(told);
  }

  /** Of what is counted with a reason. */
  get refused(): Record<string, number> {
    const refused: Record<string, number> = Object.create(null);
    for (const { name, labels, value } of this.metrics.samples()) {
      const at = labels.indexOf("reason");
      if (!/_(refused|left_out)_total$/.test(name) || at < 0 || value === 0) continue;
      refused[labels[at + 1] ?? ""] = value;
    }
    return refused;
  }

  count(name: string): number {
    const found = this.metrics.samples().filter((sample) => sample.name === name);
    return found.reduce((sum, { value }) => sum + value, 0);
  }
}
