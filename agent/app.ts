import { errorMessage } from "../shared/errors.ts";
import type { Address } from "../shared/model/address.ts";
import { formatAddress } from "../shared/model/address.ts";
import { type Disposals, startParts } from "../shared/platform/disposals.ts";
import type { Clock, KeyValueStore, Logger, Random } from "../shared/platform/ports.ts";
import { labelledLogger } from "../shared/telemetry/labelled-logger.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { VERSION } from "../shared/version.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import type { ConnectIngest } from "../shared/wire/ingest-connection.ts";
import type { MetricFamily } from "./collect/collector.ts";
import { withOwnLabels } from "./collect/own-labels.ts";
import { type ProcessUsage, SelfCollector } from "./collect/self-collector.ts";
import type { GroupSink } from "./collect/series-group.ts";
import { type ScheduledCollector, TickRunner } from "./collect/tick.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import { type FrameQueue, openFrameQueue } from "./frames/frame-queue.ts";
import { BudgetWatch } from "./pipeline/budget.ts";
import { FrameWriter } from "./pipeline/frame-writer.ts";
import { metricsPage } from "./pipeline/metrics-page.ts";
import { runTicks, type Tick } from "./pipeline/tick-loop.ts";
import { mirrorStores } from "./queue/mirror-stores.ts";
import type { Destination } from "./uplink/destinations.ts";
import { runUplink } from "./uplink/uplink.ts";

/** What the agent needs of the world; the simulation has one of its own. */
export type AgentPlatform = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly hostName: string;
  /** Opens the directory's store; `load` may be called again after a repair, which it is told of. */
  openStore<T>(
    directory: string,
    load: (store: KeyValueStore) => Promise<T>,
    onDamage: (outcome: string) => void,
  ): Promise<T>;
  /** Names of the folders in a directory; none where it is missing. */
  foldersIn(directory: string): readonly string[];
  /** Bytes that are left on the disk of the directory. */
  freeBytes(directory: string): Promise<number>;
  connect(address: Address): ConnectIngest;
  /** Asks the aggregator whether it serves. */
  probe(address: Address): Destination["probe"];
  collectors(groups: GroupSink): readonly ScheduledCollector[];
  processUsage(): ProcessUsage;
  /** Serves the text at /metrics until disposed. */
  servePage(address: Address, page: () => string): Promise<AsyncDisposable>;
};

/** Frames from one keyframe to the next: what a reader that lost its place has to wait for. */
const KEYFRAME_EVERY = 60;
/** LevelDB can still delete and compact in it. Streams that matter less are to leave more. */
const FREE_BYTES_MIN = 16 * 1024 ** 2;
/** Ended series may take up this many ids more than living ones before the table is made anew. */
const ENDED_SERIES_MAX = 10_000;

/**
 * Starts the agent: ticks into the buffer, the buffer into the stream. Disposing of it says
 * goodbye to the aggregator; what was not acknowledged stays in the buffer.
 * @throws OperationalError IN_USE, STORAGE when the data directory or the port cannot be had
 */
export async function startAgent(
  config: AgentConfig,
  platform: AgentPlatform,
): Promise<AsyncDisposable> {
  return await startParts(platform.logger, (parts) => start(config, platform, parts));
}

async function start(
  config: AgentConfig,
  platform: AgentPlatform,
  parts: Disposals,
): Promise<void> {
  const { clock, random, logger } = platform;
  const metrics = new Metrics();
  const routes = await openRoutes(config, platform, metrics, parts);
  const writer = new FrameWriter(routes);
  const encoder = new FrameEncoder(writer.epoch, { keyframeEvery: KEYFRAME_EVERY });
  const groups = withOwnLabels(encoder, config.labels);
  const collectors = platform.collectors(groups);
  parts.defer(() => closeAll(collectors));
  const self = new SelfCollector(metrics, () => platform.processUsage(), groups);
  const runner = new TickRunner(collectors, groups, clock, logger);
  const { cpu, memory } = config.budget;
  const allowance = { cpuCores: cpu, memoryBytes: memory };
  const budget = new BudgetWatch(allowance, runner, metrics, logger);
  const ticker = new Ticker({ writer, encoder, runner, self, budget, clock, metrics, logger });
  if (config.listen !== null) {
    const page = () => metricsPage(encoder, familiesOf(runner, collectors), metrics, config.labels);
    parts.use(await platform.servePage(config.listen, page));
  }
  const node = config.node === "" ? platform.hostName : config.node;
  const stop = new AbortController();
  const { addresses, policy, weights } = config.aggregator;
  const kind = policy === "mirror" ? "pick_first" : policy; // of one each
  const uplinks = routes.map((route) =>
    runUplink(
      { ...route, clock, random },
      { node, agentVersion: VERSION, intervalMs: config.interval, policy: { kind, weights } },
      stop.signal,
    ),
  );
  parts.defer(async () => {
    stop.abort();
    await Promise.all(uplinks);
  });
  const ticks = runTicks(clock, config.interval, (tick) => ticker.onTick(tick), stop.signal);
  parts.defer(async () => {
    stop.abort();
    await ended(ticks, stop.signal, logger);
    await writer.settled();
  });
  logger.info({ node, aggregator: addresses.map(formatAddress), policy }, "agent started");
}

/** One way of the frames: from a buffer of its own to an aggregator, or to one of several. */
type Route = {
  readonly buffer: FrameQueue;
  readonly destinations: readonly Destination[];
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** A route for each aggregator where all of them get everything, otherwise one. */
async function openRoutes(
  config: AgentConfig,
  platform: AgentPlatform,
  metrics: Metrics,
  parts: Disposals,
): Promise<readonly Route[]> {
  const { logger } = platform;
  const { addresses, policy } = config.aggregator;
  const groups = policy === "mirror" ? addresses.map((address) => [address]) : [addresses];
  const parent = `${config.data_dir}/mirrors`;
  const names = groups.map(([first]) => (first === undefined ? "" : formatAddress(first)));
  const { folders, unused } = mirrorStores(names, platform.foldersIn(parent));
  const routes: Route[] = [];
  for (const [index, group] of groups.entries()) {
    const labels = { destination: names[index] ?? "" };
    const own =
      policy === "mirror"
        ? { metrics: metrics.labelled(labels), logger: labelledLogger(logger, labels) }
        : { metrics, logger };
    const folder = folders[index] ?? null;
    const directory = folder === null ? config.data_dir : `${parent}/${folder}`;
    const buffer = await openBuffer(directory, config, { ...platform, ...own }, parts);
    const destinations = group.map((address) => ({
      name: formatAddress(address),
      connect: platform.connect(address),
      probe: platform.probe(address),
    }));
    routes.push({ buffer, destinations, ...own });
  }
  for (const folder of unused) {
    const directory = `${parent}/${folder}`;
    logger.warn({ directory }, "the buffer of a mirror that is no longer configured is left there");
  }
  return routes;
}

async function openBuffer(
  directory: string,
  config: AgentConfig,
  platform: AgentPlatform & { readonly metrics: Metrics },
  parts: Disposals,
): Promise<FrameQueue> {
  const { clock, random, logger, metrics } = platform;
  const limits = {
    bytesMax: config.buffer.bytes_max,
    ageMaxMs: config.buffer.age_max,
    whenFull: "drop_oldest",
    freeBytesMin: FREE_BYTES_MIN,
  } as const;
  const freeBytes = () => platform.freeBytes(directory);
  const damages = metrics.counter(
    "telltale_agent_store_damage_total",
    "Times that the buffer's store was found damaged, by what was done about it.",
  );
  damages.add(0, { outcome: "repaired" });
  const load = async (store: KeyValueStore) => {
    const deps = { store, clock, random, logger, metrics, freeBytes };
    const opened = await openFrameQueue(deps, limits);
    parts.defer(() => store.close());
    parts.defer(() => opened.close());
    return opened;
  };
  return await platform.openStore(directory, load, (outcome) => {
    damages.add(1, { outcome });
  });
}

/** Asked anew each time: some collectors learn what there is only from the first reading. */
function familiesOf(runner: TickRunner, collectors: readonly ScheduledCollector[]): MetricFamily[] {
  return [...runner.families, ...collectors.flatMap(({ collector }) => collector.families)];
}

function closeAll(collectors: readonly ScheduledCollector[]): void {
  for (const { collector } of collectors) collector.close();
}

async function ended(work: Promise<void>, signal: AbortSignal, logger: Logger): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error !== signal.reason) logger.error({ error: errorMessage(error) }, "ticks ended");
  }
}

type TickerParts = {
  readonly writer: FrameWriter;
  readonly encoder: FrameEncoder;
  readonly runner: TickRunner;
  readonly self: SelfCollector;
  readonly budget: BudgetWatch;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
};

/** Makes a frame of each tick. */
class Ticker {
  readonly #parts: TickerParts;
  readonly #ticks;
  readonly #missed;
  readonly #lateSeconds;
  #definedSeries = 0;
  #livingSeries = 0;

  constructor(parts: TickerParts) {
    this.#parts = parts;
    const { metrics } = parts;
    this.#ticks = metrics.counter("telltale_agent_ticks_total", "Ticks made.");
    this.#missed = metrics.counter(
      "telltale_agent_ticks_missed_total",
      "Ticks that were due and not made, because the process or the machine stood still.",
    );
    this.#lateSeconds = metrics.gauge(
      "telltale_agent_tick_late_seconds",
      "How long after its full second the last tick began.",
    );
    this.#missed.add(0);
  }

  onTick(tick: Tick): void {
    const { writer, encoder, runner, self, budget, clock, logger } = this.#parts;
    this.#ticks.add();
    this.#missed.add(tick.missed);
    this.#lateSeconds.set(tick.lateMs / 1000);
    if (tick.isClockBack) logger.warn({ timeMs: tick.timeMs }, "the clock went back: new epoch");
    const ended = this.#definedSeries - this.#livingSeries;
    const isWorn = ended > ENDED_SERIES_MAX + this.#livingSeries;
    if (writer.takeFailure() || tick.isClockBack || isWorn) {
      encoder.beginEpoch(writer.nextEpoch());
    }
    runner.run(tick.timeMs);
    const usage = self.collect(tick.timeMs);
    if (usage !== null) budget.look(clock.monotonicMs(), usage);
    const frame = encoder.encodeTick(tick.timeMs);
    this.#definedSeries = frame.seriesCount;
    this.#livingSeries = frame.livingCount;
    writer.write(frame);
  }
}
