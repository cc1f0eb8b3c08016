import { Reloads } from "../shared/config/reloads.ts";
import { OperationalError } from "../shared/errors.ts";
import type { Address } from "../shared/model/address.ts";
import { formatAddress } from "../shared/model/address.ts";
import { labelsOf } from "../shared/model/labels.ts";
import { type Disposals, startParts } from "../shared/platform/disposals.ts";
import type { Logger, Random } from "../shared/platform/ports.ts";
import { labelledLogger } from "../shared/telemetry/labelled-logger.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { VERSION } from "../shared/version.ts";
import { TICK_GROUP } from "../shared/wire/frame.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import type { MetricFamily } from "./collect/collector.ts";
import { collectorNames, createCollectors } from "./collect/collectors.ts";
import { ContainerDirectory } from "./collect/containers/container-directory.ts";
import { hourlyInventory, type InventoryParts } from "./collect/inventory.ts";
import { withOwnLabels } from "./collect/own-labels.ts";
import { SelfCollector } from "./collect/self-collector.ts";
import { SeriesGroup } from "./collect/series-group.ts";
import { type ScheduledCollector, TickRunner } from "./collect/tick.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import { planReload } from "./config/reload.ts";
import { type FrameQueue, openFrameQueue } from "./frames/frame-queue.ts";
import { keepRenewed } from "./identity/renewal.ts";
import type { GroupSink } from "./model/group-sink.ts";
import { TargetBook } from "./model/target-book.ts";
import { openQueue } from "./open-queue.ts";
import { BudgetWatch } from "./pipeline/budget.ts";
import { FrameWriter } from "./pipeline/frame-writer.ts";
import { metricsPage } from "./pipeline/metrics-page.ts";
import { runTicks, type Tick } from "./pipeline/tick-loop.ts";
import { type Collection, Ticker } from "./pipeline/ticker.ts";
import type { AgentPlatform, Collected } from "./platform.ts";
import { probeTargets } from "./probe-targets.ts";
import { mirrorStores } from "./queue/mirror-stores.ts";
import { startPushed } from "./receive-pushed.ts";
import { foundContainers } from "./scrape/discovery/found-containers.ts";
import { foundUnits } from "./scrape/discovery/found-units.ts";
import { watchOffers } from "./scrape/offers/offer-watch.ts";
import { Scraper } from "./scrape/scraper.ts";
import { startLogs } from "./ship-logs.ts";
import type { Destination } from "./uplink/destinations.ts";
import { metricsKind } from "./uplink/metrics-kind.ts";
import { runUplink } from "./uplink/uplink.ts";

/** Frames from one keyframe to the next: what a reader that lost its place has to wait for. */
const KEYFRAME_EVERY = 60;
/** LevelDB can still delete and compact in it. Streams that matter less are to leave more. */
const FREE_BYTES_MIN = 16 * 1024 ** 2;
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
  const ticker = new Ticker(writer, metrics, logger);
  const targets = new TargetBook();
  let collection = openCollection(config, platform, { metrics, targets }, writer.epoch);
  parts.defer(() => collection.close());
  const { identity } = platform;
  if (identity !== null) {
    parts.run((signal) => keepRenewed({ ...identity, clock, logger, metrics }, signal));
  }
  if (config.listen !== null) {
    parts.use(await platform.servePage(config.listen, () => collection.page()));
  }
  const node = nodeName(config, platform);
  const { addresses, policy, weights } = config.aggregator;
  const kind = policy === "mirror" ? "pick_first" : policy; // of one each
  const reading = { node, agentVersion: VERSION, intervalMs: config.interval };
  const options = { ...reading, policy: { kind, weights } };
  const destinations = destinationsOf(addresses, platform);
  const shipping = { ...platform, metrics, parts, destinations };
  const append =
    config.logs === null ? null : await startLogs(config, config.logs, shipping, options);
  const { sink } = collection;
  const pushed = await startPushed(config, { ...platform, metrics, parts, sink, append, node });
  parts.run(async (signal) => {
    await Promise.all(
      routes.map((route) => {
        const kind = metricsKind(route.buffer, targets);
        return runUplink({ ...route, kind, clock, random }, options, signal);
      }),
    );
  });
  parts.defer(() => writer.settled());
  const onTick = (tick: Tick) => {
    const collect = (timeMs: number) => {
      collection.collect(timeMs);
      for (const one of pushed) one.tick(timeMs);
    };
    ticker.onTick(tick, { encoder: collection.encoder, collect });
  };
  parts.run((signal) => runTicks(clock, config.interval, onTick, signal));
  watchReloads(config, platform, metrics, parts, (next) => {
    const before = collection;
    collection = openCollection(next, platform, { metrics, targets }, writer.nextEpoch());
    for (const one of pushed) one.useSink(collection.sink);
    before.close();
  });
  logger.info({ node, aggregator: addresses.map(formatAddress), policy }, "agent started");
}

function nodeName(config: AgentConfig, { hostName }: Pick<AgentPlatform, "hostName">): string {
  return config.node === "" ? hostName : config.node;
}

/** @param collectAnew makes the collectors anew, with another configuration */
function watchReloads(
  config: AgentConfig,
  platform: AgentPlatform,
  metrics: Metrics,
  parts: Disposals,
  collectAnew: (config: AgentConfig) => void,
): void {
  const { logger } = platform;
  let inForce = config;
  const reloads = new Reloads({ ...platform, metrics }, async () => {
    const plan = planReload(inForce, await platform.readConfig());
    const { changed, waiting } = plan;
    if (plan.isCollectedAnew) collectAnew(plan.config);
    platform.setLogLevel(plan.config.log_level);
    inForce = plan.config;
    if (waiting.length > 0) logger.warn({ sections: waiting }, "changed sections need a restart");
    return { changed };
  });
  const watch = platform.onReload(async () => {
    await reloads.reload();
  });
  parts.defer(async () => {
    watch[Symbol.dispose]();
    await reloads.ended();
  });
}

/** All that is collected under one configuration: another one begins in an epoch of its own. */
function openCollection(
  config: AgentConfig,
  platform: AgentPlatform,
  { metrics, targets }: { readonly metrics: Metrics; readonly targets: TargetBook },
  epoch: number,
): Collection & { readonly sink: GroupSink; page(): string; close(): void } {
  const { clock, random, logger } = platform;
  const encoder = new FrameEncoder(epoch, { keyframeEvery: KEYFRAME_EVERY });
  const groups = withOwnLabels(encoder, config.labels);
  const { collectors, containers } = platform.collectors(config, groups);
  const self = new SelfCollector(metrics, () => platform.processUsage(), groups);
  const runner = new TickRunner(collectors, groups, clock, logger);
  const node = nodeName(config, platform);
  const host = platform.host(config.host_root);
  const scraping = {
    ...{ clock, random, logger, metrics, sink: groups, ...platform.scraping },
    found: [
      foundContainers(containers, node, platform.containerId),
      ...(host === null ? [] : [foundUnits(host.units, node, { clock, logger })]),
    ],
    targets: targets.open(labelsOf(config.labels)),
  };
  const probes = probeTargets(config.probes, node, {
    clock,
    logger,
    authorities: platform.authorities,
  });
  const scraper = new Scraper(config.scrape_configs, scraping, probes);
  const stop = new AbortController();
  if (host !== null) {
    const offers = { clock, logger, proc: host.proc, containers, book: targets };
    void watchOffers(offers, stop.signal);
  }
  const { cpu, memory } = config.budget;
  const budget = new BudgetWatch({ cpuCores: cpu, memoryBytes: memory }, runner, metrics, logger);
  return {
    encoder,
    sink: groups,
    collect: (timeMs) => {
      runner.run(timeMs);
      const usage = self.collect(timeMs);
      if (usage !== null) budget.look(clock.monotonicMs(), usage);
      scraper.tick();
    },
    page: () => metricsPage(encoder, familiesOf(runner, collectors), metrics, config.labels),
    close: () => {
      stop.abort();
      scraper.close();
      for (const { collector } of collectors) collector.close();
    },
  };
}

type HostParts = InventoryParts & { readonly random: Random };

/** The collectors of this machine. */
export function hostCollectors(
  config: AgentConfig,
  groups: GroupSink,
  parts: HostParts,
): Collected {
  const { clock, logger, random } = parts;
  const { enable, disable } = config.collectors;
  const hostRoot = config.host_root;
  const options = {
    hostRoot,
    cgroupsMax: config.cgroups_max,
    enable,
    disable,
    containerLabels: config.container_labels,
    textfileDirectory: config.textfile_directory,
    logger,
  };
  let containers: ContainerDirectory | null = null;
  const collectors = createCollectors(options, clock, groups, (faults) => {
    containers = new ContainerDirectory({ hostRoot, clock, random, logger, faults });
    return containers;
  });
  // From a container the questions of the inventory have the container's answers.
  if (hostRoot !== "/") return { collectors, containers };
  const collector = hourlyInventory(new SeriesGroup(groups, TICK_GROUP), parts);
  const inventory = { collector, intervalMs: 0, isSheddable: false, group: null };
  return { collectors: [...collectors, inventory], containers };
}

/** @throws OperationalError CONFIG */
export function requireKnownCollectors({ collectors }: AgentConfig): void {
  const names = collectorNames();
  const faults = Object.entries(collectors).flatMap(([key, given]) =>
    given
      .filter((name) => !names.includes(name))
      .map((name) => `collectors.${key}: there is no collector "${name}"`),
  );
  if (faults.length === 0) return;
  faults.push(`There are: ${names.join(", ")}`);
  throw new OperationalError("CONFIG", faults.join("\n"));
}

function destinationsOf(
  addresses: readonly Address[],
  platform: Pick<AgentPlatform, "connect" | "probe">,
): readonly Destination[] {
  return addresses.map((address) => ({
    name: formatAddress(address),
    connect: platform.connect(address),
    probe: platform.probe(address),
  }));
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
  const { bytes_max: bytesMax, age_max: ageMaxMs } = config.buffer;
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
    const limits = {
      bytesMax,
      ageMaxMs,
      whenFull: "drop_oldest",
      freeBytesMin: FREE_BYTES_MIN,
    } as const;
    const opening = { ...platform, ...own, parts };
    const buffer = await openQueue(directory, opening, (deps) => openFrameQueue(deps, limits));
    routes.push({ buffer, destinations: destinationsOf(group, platform), ...own });
  }
  for (const folder of unused) {
    const directory = `${parent}/${folder}`;
    logger.warn({ directory }, "the buffer of a mirror that is no longer configured is left there");
  }
  return routes;
}

/** Asked anew each time: some collectors learn what there is only from the first reading. */
function familiesOf(runner: TickRunner, collectors: readonly ScheduledCollector[]): MetricFamily[] {
  return [...runner.families, ...collectors.flatMap(({ collector }) => collector.families)];
}
