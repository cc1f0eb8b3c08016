import { faultsError } from "../shared/config/decode-yaml.ts";
import { Reloads } from "../shared/config/reloads.ts";
import { OperationalError } from "../shared/errors.ts";
import { formatAddress } from "../shared/model/address.ts";
import { type Disposals, startParts } from "../shared/platform/disposals.ts";
import type { Clock } from "../shared/platform/ports.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { msUntilNext } from "../shared/time/calendar.ts";
import { type Repetition, repeat } from "../shared/time/repeat.ts";
import { QueryApi } from "./api/query-api.ts";
import { builtInRules, filesInForce } from "./built-in-rules.ts";
import type { AggregatorConfig } from "./config.ts";
import { type Fleet, openFleet } from "./fleet/fleet.ts";
import { IngestService } from "./ingest/ingest-service.ts";
import { DEFAULT_LOGQL_OPTIONS, LogqlEngine } from "./logql/engine.ts";
import { LineSource } from "./logs/line-source.ts";
import type { LogSource } from "./model/log-lines.ts";
import type { NotifyConfig } from "./notify/routing.ts";
import { openRules, readRouting } from "./open-alerts.ts";
import { logServices, logUpkeep, openLogs } from "./open-logs.ts";
import { openOverview } from "./open-overview.ts";
import { openRemote } from "./open-remote.ts";
import { ownSeries } from "./own-series.ts";
import type { AggregatorPlatform, Opening } from "./platform.ts";
import type { SampleSource } from "./promql/context.ts";
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions, PromqlEngine } from "./promql/engine.ts";
import { queryPort } from "./queries.ts";
import { compileForRules } from "./rule-expressions.ts";
import type { CompileFn } from "./rules/ports.ts";
import { parseRuleFiles, type RuleGroup } from "./rules/rule-files.ts";
import { openSeriesStore, type SeriesStore } from "./series/series-store.ts";
import { ServiceNamedLines } from "./service-names.ts";
import { storeSpace } from "./store-space.ts";

const CUT_EVERY_MS = 5000;
const RECLAIM_EVERY_MS = 40_000;
const COMPACT_EVERY_MS = 300_000;
/** When old samples are dropped, as a crontab line: the age that counts moves in steps of 2 h. */
const RETENTION_TIMES = "*/10 * * * *";
const NODES_MAX = 10_000;
const COMMIT_DELAY_MS = 3;
const WINDOW_FRAMES = 512;

/** The files that a reload reads again, checked. */
export type CheckedFiles = {
  readonly groups: readonly RuleGroup[];
  readonly notify: NotifyConfig | null;
};

/**
 * Reads and checks every rule file and the routing; nothing is applied.
 * @throws OperationalError CONFIG naming every fault with file, line and path
 */
export function checkFiles(
  config: AggregatorConfig,
  platform: Pick<AggregatorPlatform, "readFile" | "readFiles">,
  compile: CompileFn = compileForRules(
    new PromqlEngine(NO_SAMPLES, { ...DEFAULT_ENGINE_OPTIONS, ...featuresOf(config) }),
    new LogqlEngine(NO_LINES, DEFAULT_LOGQL_OPTIONS),
  ),
): CheckedFiles {
  const files = config.rules.flatMap((pattern) => platform.readFiles(pattern));
  const rules = parseRuleFiles(filesInForce(files), compile);
  const notify = readRouting(config, platform);
  const faults = [...rules.faults, ...notify.faults];
  if (faults.length > 0) throw faultsError(faults);
  return { groups: rules.groups, notify: notify.config };
}

const NO_SAMPLES: SampleSource = { select: async () => [] };
const NO_LINES: LogSource = { select: async () => [] };

/**
 * Starts the aggregator. Files are checked before anything is opened. Disposing of it lets what runs
 * end; everything acknowledged is on the disk at every moment anyway.
 * @throws OperationalError CONFIG, IN_USE, STORAGE
 */
export async function startAggregator(
  config: AggregatorConfig,
  platform: AggregatorPlatform,
): Promise<AsyncDisposable> {
  // Rules are compiled before the stores are open.
  const sources = { samples: { ...NO_SAMPLES }, lines: { ...NO_LINES } };
  const compile = compileForRules(
    new PromqlEngine(sources.samples, engineOptions(config, platform)),
    new LogqlEngine(sources.lines, { ...DEFAULT_LOGQL_OPTIONS, pause: platform.pause }),
  );
  const files = checkFiles(config, platform, compile);
  return await startParts(platform.logger, (parts) =>
    start(config, platform, { ...sources, compile, files }, parts),
  );
}

function engineOptions(config: AggregatorConfig, { pause }: AggregatorPlatform): EngineOptions {
  const { samples_max: samplesMax } = config.query;
  return { ...DEFAULT_ENGINE_OPTIONS, ...featuresOf(config), samplesMax, pause };
}

function featuresOf(config: AggregatorConfig): Pick<EngineOptions, "features"> {
  return { features: new Set(config.query.features) };
}

type Checked = {
  readonly samples: SampleSource;
  readonly lines: LogSource;
  readonly compile: CompileFn;
  readonly files: CheckedFiles;
};

async function start(
  config: AggregatorConfig,
  platform: AggregatorPlatform,
  { samples, lines: lineSource, compile, files }: Checked,
  parts: Disposals,
): Promise<void> {
  const { clock, logger } = platform;
  const metrics = new Metrics();
  const opening = { config, platform, metrics, parts };
  const series = await openSeries(opening);
  samples.select = (...query) => series.selectUnrepeated(...query);
  const logs = await openLogs(opening, series);
  const stored = new ServiceNamedLines(new LineSource(logs.lines));
  lineSource.select = stored.select.bind(stored);
  const fleet = await openNodes(opening, series);
  const { table, view: alerts, rules } = await openRules(opening, series, stored, fleet);
  const ingest = new IngestService(
    {
      store: series,
      events: fleet,
      logs: { store: logs.lines, events: fleet.logEvents },
      clock,
      logger,
      metrics,
    },
    { windowFrames: WINDOW_FRAMES },
  );
  const queryLimits = { timeoutMs: config.query.timeout, runningMax: 8, waitingMax: 100 };
  const promql = queryPort(new PromqlEngine(series, engineOptions(config, platform)));
  const ruleGroups = { groups: () => rules.rules() };
  const ports = { query: promql, series, nodes: fleet, rules: ruleGroups, clock };
  const api = new QueryApi(ports, queryLimits);
  const shown = openOverview(opening, promql, fleet, alerts);
  const logServed = await logServices(opening, logs, queryLimits);
  let isReady = false;
  const readiness = { isReady: () => isReady };
  let reloads: Reloads | null = null;
  const reload = async () => {
    return isReady && reloads !== null ? await reloads.reload() : notReady();
  };
  const remote = openRemote(opening, series);
  const served = { ...remote, ingest, api, alerts, ...shown, ...logServed, metrics, readiness };
  parts.use(await platform.serve({ ...served, reloads: { reload } }));
  parts.use(ingest); // first its sessions end, then the server that carries them
  const builtIn = builtInRules(config.clock_offset_max, compile);
  const apply = ({ groups, notify }: CheckedFiles) =>
    rules.apply([...builtIn, ...groups], (ruleIds) => table.configure(notify, ruleIds));
  await apply(files);
  parts.defer(() => rules.close());
  reloads = startReloads(opening, async () => {
    const read = checkFiles(config, platform, compile);
    if (read.notify === null && table.isRouted) {
      const text = `${config.notify}: there is no such file any more; one with an empty receiver notifies nobody`;
      throw new OperationalError("CONFIG", text);
    }
    await apply(read);
    return { groups: read.groups.length, receivers: [...(read.notify?.receivers.keys() ?? [])] };
  });
  parts.run((signal) => fleet.run(signal));
  const write = series.write.bind(series);
  const own = ownSeries({ metrics, write, clock }, formatAddress(config.http.listen));
  const { spaceOf } = platform;
  const space = storeSpace({ metrics, spaceOf, counts: () => series.counts }, config.data_dir);
  for (const task of [space, own, ...upkeepOf(series, clock), ...logUpkeep(logs, clock)]) {
    parts.run((signal) => repeat(task, platform, signal));
  }
  parts.defer(() => {
    isReady = false;
  });
  isReady = true;
  const { grpc, http } = config;
  logger.info(
    { grpc: formatAddress(grpc.listen), http: formatAddress(http.listen) },
    "aggregator started",
  );
}

function notReady(): OperationalError {
  return new OperationalError("UNAVAILABLE", "Telltale is not ready yet");
}

/** Reloads when the world asks for it, until it stops. */
function startReloads(
  { platform, metrics, parts }: Opening,
  apply: () => Promise<object>,
): Reloads {
  const { clock, logger } = platform;
  const reloads = new Reloads({ clock, logger, metrics }, apply);
  const watch = platform.onReload(async () => {
    await reloads.reload();
  });
  parts.defer(async () => {
    watch[Symbol.dispose]();
    await reloads.ended();
  });
  return reloads;
}

async function openSeries({ config, platform, metrics, parts }: Opening): Promise<SeriesStore> {
  const { clock, logger, chunkMs, pause } = platform;
  const options = {
    retentionMs: config.retention,
    futureLimitMs: config.future_max,
    chunkMs,
    commitDelayMs: COMMIT_DELAY_MS,
    pause,
    writtenSeriesMax: config.remote_write_receiver.series_max,
  };
  const series = await platform.openStore(`${config.data_dir}/series`, metrics, (store) =>
    openSeriesStore({ store, clock, logger, metrics }, options),
  );
  parts.defer(() => series.close());
  return series;
}

async function openNodes(
  { config, platform, metrics, parts }: Opening,
  series: SeriesStore,
): Promise<Fleet> {
  const { clock, logger } = platform;
  const write = series.write.bind(series);
  const streams = () => series.streams();
  return await platform.openStore(`${config.data_dir}/fleet`, metrics, async (store) => {
    const deps = { store, write, streams, clock, logger, metrics };
    const fleet = await openFleet(deps, {
      nodesMax: NODES_MAX,
      clockOffsetMaxMs: config.clock_offset_max,
    });
    parts.defer(() => store.close());
    return fleet;
  });
}

function upkeepOf(series: SeriesStore, clock: Clock): readonly Repetition[] {
  return [
    {
      failure: "cannot write chunks",
      run: () => series.cutDue(),
      pauseMs: () => CUT_EVERY_MS,
    },
    {
      failure: "cannot give back the space of the log",
      run: () => series.reclaimLog(),
      pauseMs: () => RECLAIM_EVERY_MS,
    },
    {
      failure: "cannot merge chunks",
      run: () => series.compactDue(),
      pauseMs: () => COMPACT_EVERY_MS,
    },
    {
      failure: "cannot drop old samples",
      run: () => series.dropExpired(),
      pauseMs: () => msUntilNext(RETENTION_TIMES, clock.nowMs()),
    },
  ];
}
