import { OperationalError } from "../shared/errors.ts";
import type { Disposals } from "../shared/platform/disposals.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import type { LineQueue } from "./lines/line-queue.ts";
import type { GroupSink } from "./model/group-sink.ts";
import type { AgentPlatform } from "./platform.ts";
import { PushedSeries } from "./receive/pushed-series.ts";

export type PushedDeps = Pick<AgentPlatform, "clock" | "logger"> & {
  readonly metrics: Metrics;
  readonly parts: Disposals;
  /** Where the series go until there is another encoder. */
  readonly sink: GroupSink;
  /** Of the queue of log lines. */
  readonly append: LineQueue["append"];
};

/**
 * Takes what others send to this agent. Returns its series; each tick and each new encoder is to be told
 * to them.
 * @throws OperationalError IN_USE, CONFIG when an address cannot be listened on
 */
export async function startPushed(
  { labels, logs, otlp }: AgentConfig,
  deps: PushedDeps,
): Promise<PushedSeries[]> {
  if (otlp === null || logs === null) return [];
  const limits = { senders: otlp.senders_max, series: otlp.series_max };
  const pushed = new PushedSeries("otlp", deps.sink, limits, deps);
  const { startOtlp } = await import("./receive/otlp/start-otlp.ts");
  const lines = { labels, lineBytesMax: logs.line_bytes_max };
  const append: Parameters<typeof startOtlp>[2]["append"] = (batch, signal) =>
    deps.append(batch, [], signal);
  try {
    deps.parts.use(await startOtlp(otlp, lines, { ...deps, pushed, append }));
  } catch (error) {
    throw asOwn(error);
  }
  return [pushed];
}

/** What is loaded apart from this program has a class of its own for the same errors. */
function asOwn(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "OperationalError") return error;
  const { code, message, cause } = error as OperationalError;
  return new OperationalError(code, message, { cause });
}
