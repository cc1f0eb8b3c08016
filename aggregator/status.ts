import { stringify } from "yaml";
import { formatDuration } from "../shared/model/duration.ts";
import { labelsOf } from "../shared/model/labels.ts";
import { columnBits, isStale } from "../shared/model/stale.ts";
import type { Clock } from "../shared/platform/ports.ts";
import type { MatcherSets } from "./api/ports.ts";
import type { LatestSample, StatusPort } from "./api/status-port.ts";
import type { AggregatorConfig } from "./config.ts";
import { DEFAULT_ENGINE_OPTIONS } from "./promql/engine.ts";
import type { WriteReceiver } from "./remote/write-receiver.ts";
import type { SeriesStore } from "./series/series-store.ts";

type StatusDeps = {
  readonly config: AggregatorConfig;
  readonly series: SeriesStore;
  readonly remoteWrite: WriteReceiver;
  readonly clock: Clock;
};

/** What the aggregator says of itself over HTTP. */
export function aggregatorStatus({ config, series, remoteWrite, clock }: StatusDeps): StatusPort {
  const startedAtMs = clock.nowMs();
  const { lookbackMs } = DEFAULT_ENGINE_OPTIONS;
  return {
    startedAtMs,
    // Durations and sizes as they are once they are read: milliseconds and bytes.
    configText: () => stringify(shownConfig(config)),
    flags: () => ({
      "query.lookback-delta": formatDuration(lookbackMs),
      "query.max-samples": String(config.query.samples_max),
      "query.timeout": formatDuration(config.query.timeout),
      "storage.tsdb.path": config.data_dir,
      "storage.tsdb.retention.time": formatDuration(config.retention),
      "web.enable-remote-write-receiver": "true",
      "web.external-url": config.external_url,
    }),
    reloaded: () => ({ isGood: true, timeMs: startedAtMs }),
    retentionText: () => formatDuration(config.retention),
    index: (limit) => series.figures(limit),
    metadata: (query) => remoteWrite.metadata.read(query),
    latest: (sets) => latestSamples(series, sets, clock.nowMs(), lookbackMs),
    externalLabels: labelsOf(config.external_labels),
  };
}

/** What JSON cannot say, such as patterns and secrets, is left out. */
function shownConfig(config: AggregatorConfig): unknown {
  return JSON.parse(JSON.stringify({ ...config, logs: undefined }));
}

async function latestSamples(
  series: Pick<SeriesStore, "select">,
  sets: MatcherSets,
  nowMs: number,
  lookbackMs: number,
): Promise<LatestSample[]> {
  const found = new Map<unknown, LatestSample>();
  for (const matchers of sets) {
    const selected = await series.select(matchers, nowMs - lookbackMs, nowMs);
    for await (const { labels, times, values } of selected) {
      const last = times.length - 1;
      if (last < 0 || isStale(columnBits(values), last)) continue;
      found.set(labels, { labels, timeMs: times[last] ?? 0, value: values[last] ?? 0 });
    }
  }
  return [...found.values()];
}
