import { faultsError } from "../shared/config/decode-yaml.ts";
import { Reloads } from "../shared/config/reloads.ts";
import { formatAddress } from "../shared/model/address.ts";
import { labelsOf } from "../shared/model/labels.ts";
import { type Disposals, startParts } from "../shared/platform/disposals.ts";
import type { Clock, KeyValueStore, Logger, Random } from "../shared/platform/ports.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { msUntilNext } from "../shared/time/calendar.ts";
import { type Repetition, repeat } from "../shared/time/repeat.ts";
import { LogsApi } from "./api/logs-api.ts";
import { QueryApi } from "./api/query-api.ts";
import { builtInRules } from "./built-in-rules.ts";
import type { AggregatorConfig } from "./config.ts";
import { type Fleet, openFleet } from "./fleet/fleet.ts";
import { IngestService } from "./ingest/ingest-service.ts";
import { DEFAULT_LOGQL_OPTIONS } from "./logql/engine.ts";
import { type LineLog, openLineLog } from "./logs/line-log.ts";
import { type AlertTable, openAlerts } from "./notify/alerts.ts";
import type { PostFn } from "./notify/delivery.ts";
import { type NotifyConfig, parseNotifyConfig } from "./notify/notify-config.ts";
import type { SampleSource } from "./promql/context.ts";
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions, PromqlEngine } from "./promql/engine.ts";
import { compileForRules, logsPort, queryPort } from "./queries.ts";
import type { CompileFn } from "./rules/ports.ts";
import { parseRuleFiles, type RuleFile, type RuleGroup } from "./rules/rule-files.ts";
import { RuleRunner } from "./rules/run-rules.ts";
import { openSeriesStore, type SeriesStore } from "./series/series-store.ts";

/** What agents and clients reach once it is served. */
export type Services = {
  readonly ingest: IngestService;
  readonly api: QueryApi;
  readonly logs: LogsApi;
  readonly metrics: Metrics;
  readonly readiness: { isReady(): boolean };
};

/** What the aggregator needs of the world; the simulation has one of its own. */
export type AggregatorPlatform = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly post: PostFn;
  /** So much of a stream becomes chunks at once. */
  readonly chunkMs: number;
  /** Gives the event loop a turn. */
  readonly pause: () => Promise<void>;
  /** Opens the directory's store; `load` may be called again after a repair. */
  openStore<T>(
    directory: string,
    metrics: Metrics,
    load: (store: KeyValueStore) => Promise<T>,
  ): Promise<T>;
  /** The files of a pattern, by name. @throws OperationalError CONFIG */
  readFiles(pattern: string): readonly RuleFile[];
  /** Null where there is no such file. @throws OperationalError CONFIG */
  readFile(path: string): string | null;
  /** Takes calls until disposed. @throws OperationalError IN_USE */
  serve(services: Services): Promise<AsyncDisposable>;
  /** Calls `reload` whenever files have changed, until disposed. */
  onReload(reload: () => Promise<void>): Disposable;
};

const CUT_EVERY_MS = 5000;
/** When old samples are dropped, as a crontab line: the age that counts moves in steps of 2 h. */
const RETENTION_TIMES = "*/10 * * * *";
const NODES_MAX = 10_000;
/** A rule waits this long for the ticks of nodes that are late. */
const DATA_WAIT_MAX_MS = 1000;
const NOTIFICATION_EXPIRY_MS = 86_400_000;
const NOTIFICATIONS_MAX = 100_000;
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
  compile: CompileFn = compileForRules(new PromqlEngine(NO_SAMPLES, DEFAULT_ENGINE_OPTIONS)),
): CheckedFiles {
  const files = config.rules.flatMap((pattern) => platform.readFiles(pattern));
  const rules = parseRuleFiles(files, compile);
  const text = platform.readFile(config.notify);
  const notify =
    text === null
      ? { config: null, faults: [] }
      : parseNotifyConfig({ path: config.notify, text }, (path) => platform.readFile(path) ?? "");
  const faults = [...rules.faults, ...notify.faults];
  if (faults.length > 0) throw faultsError(faults);
  return { groups: rules.groups, notify: notify.config };
}

const NO_SAMPLES: SampleSource = { select: async () => [] };

/**
 * Starts the aggregator. Files are checked before anything is opened. Disposing of it lets what runs
 * end; everything acknowledged is on the disk at every moment anyway.
 * @throws OperationalError CONFIG, IN_USE, STORAGE
 */
export async function startAggregator(
  config: AggregatorConfig,
  platform: AggregatorPlatform,
): Promise<AsyncDisposable> {
  const samples = { ...NO_SAMPLES }; // rules are compiled before the store is open
  const compile = compileForRules(new PromqlEngine(samples, engineOptions(config, platform)));
  const files = checkFiles(config, platform, compile);
  return await startParts(platform.logger, (parts) =>
    start(config, platform, { samples, compile, files }, parts),
  );
}

function engineOptions(config: AggregatorConfig, { pause }: AggregatorPlatform): EngineOptions {
  return { ...DEFAULT_ENGINE_OPTIONS, samplesMax: config.query.samples_max, pause };
}

type Checked = {
  readonly samples: SampleSource;
  readonly compile: CompileFn;
  readonly files: CheckedFiles;
};

async function start(
  config: AggregatorConfig,
  platform: AggregatorPlatform,
  { samples, compile, files }: Checked,
  parts: Disposals,
): Promise<void> {
  const { clock, logger } = platform;
  const metrics = new Metrics();
  const opening = { config, platform, metrics, parts };
  const series = await openSeries(opening);
  samples.select = (...query) => series.selectUnrepeated(...query);
  const lines = await openLines(opening);
  const fleet = await openNodes(opening, series);
  const { alerts, rules } = await openRules(opening, series, fleet);
  const ingest = new IngestService(
    {
      store: series,
      events: fleet,
      logs: { store: lines, events: fleet.logEvents },
      clock,
      logger,
      metrics,
    },
    { windowFrames: WINDOW_FRAMES },
  );
  const queryLimits = { timeoutMs: config.query.timeout, runningMax: 8, waitingMax: 100 };
  const api = new QueryApi(
    {
      query: queryPort(new PromqlEngine(series, engineOptions(config, platform))),
      series,
      nodes: fleet,
      rules: { groups: () => rules.rules() },
      clock,
    },
    queryLimits,
  );
  const { pause } = platform;
  const logs = new LogsApi(
    logsPort(lines, { ...DEFAULT_LOGQL_OPTIONS, pause }),
    clock,
    queryLimits,
  );
  let isReady = false;
  const readiness = { isReady: () => isReady };
  parts.use(await platform.serve({ ingest, api, logs, metrics, readiness }));
  parts.use(ingest); // first its sessions end, then the server that carries them
  const builtIn = builtInRules(config.clock_offset_max, compile);
  const apply = ({ groups, notify }: CheckedFiles) =>
    rules.apply([...builtIn, ...groups], (ruleIds) => alerts.configure(notify, ruleIds));
  await apply(files);
  parts.defer(() => rules.close());
  const reloads = new Reloads({ clock, logger, metrics }, async () => {
    const read = checkFiles(config, platform, compile);
    await apply(read);
    return { groups: read.groups.length, receiver: read.notify?.receiver.name ?? null };
  });
  const watch = platform.onReload(() => reloads.reload());
  parts.defer(async () => {
    watch[Symbol.dispose]();
    await reloads.ended();
  });
  parts.run((signal) => fleet.run(signal));
  for (const task of upkeepOf(series, lines, clock, config.retention)) {
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

/** What opens its part with it. */
type Opening = {
  readonly config: AggregatorConfig;
  readonly platform: AggregatorPlatform;
  readonly metrics: Metrics;
  readonly parts: Disposals;
};

async function openSeries({ config, platform, metrics, parts }: Opening): Promise<SeriesStore> {
  const { clock, logger, chunkMs } = platform;
  const options = {
    retentionMs: config.retention,
    futureLimitMs: config.future_max,
    chunkMs,
    commitDelayMs: COMMIT_DELAY_MS,
  };
  const series = await platform.openStore(`${config.data_dir}/series`, metrics, (store) =>
    openSeriesStore({ store, clock, logger, metrics }, options),
  );
  parts.defer(() => series.close());
  return series;
}

async function openLines({ config, platform, metrics, parts }: Opening): Promise<LineLog> {
  const { clock, logger } = platform;
  const lines = await platform.openStore(`${config.data_dir}/logs`, metrics, (store) =>
    openLineLog({ store, clock, logger, metrics }),
  );
  parts.defer(() => lines.close());
  return lines;
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

/** The alert table and the rules whose evaluations end in it. */
async function openRules(
  { config, platform, metrics, parts }: Opening,
  series: SeriesStore,
  fleet: Fleet,
): Promise<{ readonly alerts: AlertTable; readonly rules: RuleRunner }> {
  const { clock, random, logger, post } = platform;
  const external = {
    labels: labelsOf(config.external_labels),
    url: config.external_url.replace(/\/$/, ""),
  };
  const latenessMs = (node: string) => fleet.latenessMs(node);
  const alerts = await platform.openStore(`${config.data_dir}/alerts`, metrics, async (store) => {
    const table = await openAlerts(
      { store, clock, random, logger, metrics, post, latenessMs },
      { external, expiryMs: NOTIFICATION_EXPIRY_MS, entriesMax: NOTIFICATIONS_MAX },
    );
    parts.defer(() => store.close());
    return table;
  });
  parts.defer(() => alerts.close());
  const write = series.write.bind(series);
  const rules = new RuleRunner(
    { write, alerts, dataClock: fleet, clock, logger, metrics },
    { defaultIntervalMs: config.evaluation_interval, external, dataWaitMaxMs: DATA_WAIT_MAX_MS },
  );
  return { alerts, rules };
}

function upkeepOf(
  series: SeriesStore,
  lines: LineLog,
  clock: Clock,
  retentionMs: number,
): readonly Repetition[] {
  return [
    {
      failure: "cannot write chunks",
      run: () => series.cutDue(),
      pauseMs: () => CUT_EVERY_MS,
    },
    {
      failure: "cannot drop old samples",
      run: () => series.dropExpired(),
      pauseMs: () => msUntilNext(RETENTION_TIMES, clock.nowMs()),
    },
    {
      failure: "cannot drop old log lines",
      run: () => lines.dropBefore(clock.nowMs() - retentionMs),
      pauseMs: () => msUntilNext(RETENTION_TIMES, clock.nowMs()),
    },
  ];
}
