import { OperationalError } from "../shared/errors.ts";
import type { Disposals } from "../shared/platform/disposals.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import type { LineQueue } from "./lines/line-queue.ts";
import { textMask } from "./logs/text-mask.ts";
import type { GroupSink } from "./model/group-sink.ts";
import type { AgentPlatform } from "./platform.ts";
import { PushedSeries } from "./receive/pushed-series.ts";
import { Statsd } from "./receive/statsd/statsd.ts";

export type PushedDeps = Pick<AgentPlatform, "clock" | "logger" | "openDatagrams"> & {
  readonly metrics: Metrics;
  readonly parts: Disposals;
  /** Where the series go until there is another encoder. */
  readonly sink: GroupSink;
  /** The name of this one. */
  readonly node: string;
  /** Of the queue of log lines; null: there is none. */
  readonly append: LineQueue["append"] | null;
};

/** What others send to this agent: series that outlive a collection. */
export type Pushed = {
  /** To be called before a tick's frame is made, with its time. */
  tick(timeMs: number): void;
  /** From now on its series go there. */
  useSink(sink: GroupSink): void;
};

/**
 * Listens for what is to be pushed. All it returns is to be told each tick and each new encoder.
 * @throws OperationalError IN_USE, CONFIG, UNAVAILABLE when an address cannot be listened on
 */
export async function startPushed(config: AgentConfig, deps: PushedDeps): Promise<Pushed[]> {
  const pushed = [await listenForStatsd(config, deps), await listenForOtlp(config, deps)];
  return pushed.filter((one) => one !== null);
}

async function listenForStatsd({ statsd: options }: AgentConfig, deps: PushedDeps) {
  if (options === null) return null;
  const statsd = new Statsd(options, deps.sink, deps);
  deps.parts.use(await statsd.listen(deps.openDatagrams));
  return statsd;
}

async function listenForOtlp({ labels, logs, otlp }: AgentConfig, deps: PushedDeps) {
  const { append } = deps;
  if (otlp === null || logs === null || append === null) return null;
  const limits = { senders: otlp.senders_max, series: otlp.series_max };
  const pushed = new PushedSeries("otlp", deps.sink, limits, deps);
  const { startOtlp } = await import("./receive/otlp/start-otlp.ts");
  const mask = await textMask(logs, deps.metrics);
  const lines = { labels, lineBytesMax: logs.line_bytes_max, mask };
  const queue: Parameters<typeof startOtlp>[2]["append"] = (batch, signal) =>
    append(batch, [], signal);
  try {
    deps.parts.use(await startOtlp(otlp, lines, { ...deps, pushed, append: queue }));
  } catch (error) {
    throw asOwn(error);
  }
  return pushed;
}

/** What is loaded apart from this program has a class of its own for the same errors. */
function asOwn(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "OperationalError") return error;
  const { code, message, cause } = error as OperationalError;
  return new OperationalError(code, message, { cause });
}
