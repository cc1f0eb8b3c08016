import type { Clock } from "../shared/platform/ports.ts";
import { msUntilNext } from "../shared/time/calendar.ts";
import { type Repetition, sleepUnlessAborted } from "../shared/time/repeat.ts";
import { LogsApi } from "./api/logs-api.ts";
import { LokiPush, RECENT_LINES_MAX } from "./api/loki-push.ts";
import { PatternsApi } from "./api/patterns-api.ts";
import type { QueryApiOptions } from "./api/query-api.ts";
import { logRetention } from "./config.ts";
import { DEFAULT_LOGQL_OPTIONS } from "./logql/engine.ts";
import { DEFAULT_LINE_LOG_OPTIONS, type LineLog, openLineLog } from "./logs/line-log.ts";
import { PatternHistory } from "./logs/patterns/pattern-history.ts";
import { PatternTable } from "./logs/patterns/pattern-table.ts";
import { rollUp } from "./logs/patterns/roll-up.ts";
import { type LogWatch, openLogWatch } from "./logs/watch/log-watch.ts";
import { patternsPort } from "./pattern-port.ts";
import type { Opening, Services } from "./platform.ts";
import { logsPort, newestPushed, type StreamView } from "./queries.ts";
import type { SeriesStore } from "./series/series-store.ts";

/** Metrics of log lines are written on the whole second. */
const METRICS_MS = 1000;
/** When what is too old is dropped, as a crontab line. */
const RETENTION_TIMES = "*/10 * * * *";
/** When log lines are packed that came since the last time. */
const PACKING_TIMES = "10 2 * * *";
/** How often it is looked whether there are too many to wait for that. */
const PACKING_EVERY_MS = 30_000;
const PACKING_RETRY_MS = 5000;
/** From the end of a query's time until nobody reads what it reads. */
const QUERY_END_MS = 30_000;

/** The lines, what looks at each as it comes, and the patterns that it finds. */
export type Logs = {
  readonly lines: LineLog;
  readonly watch: LogWatch;
  readonly patterns: PatternHistory;
  /** Makes the history of patterns smaller as it gets older. */
  readonly rollUpPatterns: () => Promise<void>;
};

/** @throws OperationalError IN_USE, STORAGE */
export async function openLogs(
  { config, platform, metrics, parts }: Opening,
  series: SeriesStore,
): Promise<Logs> {
  const { clock, logger, compress } = platform;
  const write = series.write.bind(series);
  // What came of ticks in the turn is written, and its acks go out, before more lines are looked at: an
  // ack takes some turns, and would wait for as many blocks.
  const pause = async () => {
    await platform.pause();
    await series.commitEnded();
    await platform.pause();
  };
  const opened = await platform.openStore(`${config.data_dir}/logs`, metrics, async (store) => {
    const deps = { store, clock, logger, metrics };
    const patterns = new PatternTable(deps);
    await patterns.load(store);
    const watch = await openLogWatch({ ...deps, write, patterns }, config.logs.metrics);
    const options = {
      ...DEFAULT_LINE_LOG_OPTIONS,
      hotBytesMax: config.logs.hot_bytes_max,
      readMaxMs: config.query.timeout + QUERY_END_MS,
      retention: logRetention(config),
      work: { pause, compress },
      watch,
    };
    const retentionMs = options.retention.ageMs;
    return {
      lines: await openLineLog(deps, options),
      watch,
      patterns: new PatternHistory(patterns, store),
      rollUpPatterns: () => rollUp(patterns, store, { nowMs: clock.nowMs(), retentionMs }),
    };
  });
  parts.defer(() => opened.lines.close());
  return opened;
}

/** What clients ask of log lines, and push. */
export async function logServices(
  { config, platform, metrics }: Opening,
  { lines, patterns }: Logs,
  limits: QueryApiOptions,
): Promise<Pick<Services, "logs" | "loki" | "push" | "patterns">> {
  const { clock, pause } = platform;
  const apiOf = (view: StreamView) => {
    const logs = logsPort(lines, { ...DEFAULT_LOGQL_OPTIONS, pause }, view);
    return new LogsApi({ logs, patterns }, clock, limits);
  };
  const push = new LokiPush(
    { store: lines, clock, metrics },
    { retentionMs: logRetention(config).ageMs },
    await newestPushed(lines, RECENT_LINES_MAX),
  );
  const views = { logs: apiOf("stored"), loki: apiOf("service-named") };
  return { ...views, push, patterns: new PatternsApi(patternsPort(patterns), clock) };
}

export function logUpkeep(
  { lines, watch, rollUpPatterns }: Logs,
  clock: Clock,
): readonly Repetition[] {
  const pauseMs = () => msUntilNext(RETENTION_TIMES, clock.nowMs());
  return [
    { failure: "cannot drop old log lines", run: () => lines.dropExpired(), pauseMs },
    { failure: "cannot drop old history of patterns", run: rollUpPatterns, pauseMs },
    {
      failure: "cannot pack log lines",
      run: (signal) => lines.compactDue(signal),
      pauseMs: () => PACKING_EVERY_MS,
    },
    {
      failure: "cannot pack log lines at night",
      run: async (signal) => {
        await sleepUnlessAborted(clock, msUntilNext(PACKING_TIMES, clock.nowMs()), signal);
        if (!signal.aborted) await lines.compactAll(signal);
      },
      pauseMs: (failures) => (failures === 0 ? 0 : PACKING_RETRY_MS),
    },
    {
      failure: "cannot write metrics of log lines",
      run: () => watch.turn(),
      pauseMs: () => METRICS_MS - (clock.nowMs() % METRICS_MS),
    },
  ];
}
