import { labelledLogger } from "../shared/telemetry/labelled-logger.ts";
import { SerialQueue } from "../shared/time/serial-queue.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import type { LogsConfig } from "./config/logs-config.ts";
import { type LineQueue, openLineQueue } from "./lines/line-queue.ts";
import { readLogs } from "./logs/log-reading.ts";
import { openQueue, type QueueOpening } from "./open-queue.ts";
import type { AgentPlatform } from "./platform.ts";
import type { Destination } from "./uplink/destinations.ts";
import { LOGS_KIND } from "./uplink/logs-kind.ts";
import type { UplinkOptions } from "./uplink/ports.ts";
import { runUplink } from "./uplink/uplink.ts";

/** The ticks' buffer has the disk when both run out of it. */
const FREE_BYTES_MIN = 64 * 1024 ** 2;

type ShippingDeps = QueueOpening & {
  readonly logFiles: AgentPlatform["logFiles"];
  readonly journalctl: AgentPlatform["journalctl"];
  readonly destinations: readonly Destination[];
};

type Append = LineQueue["append"];

/**
 * Reads this machine's logs into a queue of their own, and streams it over a connection of its own:
 * a backlog of lines never delays a tick. Lines go to one aggregator, also where ticks go to several.
 * @returns puts lines that others send into the same queue
 * @throws OperationalError IN_USE, STORAGE
 */
export async function startLogs(
  { data_dir, labels, host_root: hostRoot }: AgentConfig,
  config: LogsConfig,
  deps: ShippingDeps,
  options: UplinkOptions,
): Promise<Append> {
  const { clock, random, destinations, parts } = deps;
  const kind = { kind: "logs" };
  const own = {
    ...deps,
    metrics: deps.metrics.labelled(kind),
    logger: labelledLogger(deps.logger, kind),
  };
  const { bytes_max: bytesMax, age_max: ageMaxMs, when_full: whenFull } = config.buffer;
  const limits = { bytesMax, ageMaxMs, whenFull, freeBytesMin: FREE_BYTES_MIN };
  const buffer = await openQueue(`${data_dir}/logs`, own, (queue) => openLineQueue(queue, limits));
  const uplink = { buffer, kind: LOGS_KIND, destinations, clock, random };
  parts.run((signal) => runUplink({ ...own, ...uplink }, options, signal));
  const appends = new SerialQueue();
  const append: Append = (lines, cursors, signal) =>
    appends.run(async () => {
      signal?.throwIfAborted();
      await buffer.append(lines, cursors, signal);
    });
  if (config.containers || config.journal || config.files.length > 0) {
    const store = { append, cursors: () => buffer.cursors() };
    const reading = { ...own, store, files: deps.logFiles(), metrics: deps.metrics };
    parts.run((signal) => readLogs(config, { labels, hostRoot }, reading, signal));
  }
  return append;
}
