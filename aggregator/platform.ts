import type { BrotliOptions } from "node:zlib";
import type { DirectorySpace } from "../shared/platform/directory-space.ts";
import type { Disposals } from "../shared/platform/disposals.ts";
import type { Clock, KeyValueStore, Logger, Random } from "../shared/platform/ports.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { AlertsPort } from "./api/alerts-port.ts";
import type { LogsApi } from "./api/logs-api.ts";
import type { LokiPush } from "./api/loki-push.ts";
import type { PatternsApi } from "./api/patterns-api.ts";
import type { ReloadPort } from "./api/ports.ts";
import type { QueryApi } from "./api/query-api.ts";
import type { StatusPort } from "./api/status-port.ts";
import type { AggregatorConfig } from "./config.ts";
import type { IngestService } from "./ingest/ingest-service.ts";
import type { MailFn, RequestFn } from "./notify/integrations/integration.ts";
import type { WriteReceiver } from "./remote/write-receiver.ts";
import type { RuleFile } from "./rules/rule-files.ts";
import type { ContainerList } from "./web/container-list.ts";
import type { OverviewFeed } from "./web/overview-feed.ts";

/** What agents and clients reach once it is served. */
export type Services = {
  readonly ingest: IngestService;
  readonly api: QueryApi;
  readonly logs: LogsApi;
  /** The same with streams as Loki's clients expect them. */
  readonly loki: LogsApi;
  readonly push: LokiPush;
  readonly remoteWrite: WriteReceiver;
  readonly status: StatusPort;
  readonly patterns: PatternsApi;
  readonly alerts: AlertsPort;
  readonly overview: OverviewFeed;
  readonly containers: ContainerList;
  readonly metrics: Metrics;
  readonly readiness: { isReady(): boolean };
  readonly reloads: ReloadPort;
};

/** What the aggregator needs of the world; the simulation has one of its own. */
export type AggregatorPlatform = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How receivers are reached. */
  readonly request: RequestFn;
  readonly mail: MailFn;
  /** So much of a stream becomes chunks at once. */
  readonly chunkMs: number;
  /** Gives the event loop a turn. */
  readonly pause: () => Promise<void>;
  /** Brotli, on another thread. */
  readonly compress: (bytes: Uint8Array, options: BrotliOptions) => Promise<Uint8Array>;
  /** Opens the directory's store; `load` may be called again after a repair. */
  openStore<T>(
    directory: string,
    metrics: Metrics,
    load: (store: KeyValueStore) => Promise<T>,
  ): Promise<T>;
  /** @throws OperationalError STORAGE */
  spaceOf(directory: string): Promise<DirectorySpace>;
  /** The files of a pattern, by name. @throws OperationalError CONFIG */
  readFiles(pattern: string): readonly RuleFile[];
  /** Null where there is no such file. @throws OperationalError CONFIG */
  readFile(path: string): string | null;
  /** Takes calls until disposed. @throws OperationalError IN_USE */
  serve(services: Services): Promise<AsyncDisposable>;
  /** Calls `reload` whenever files have changed, until disposed. */
  onReload(reload: () => Promise<void>): Disposable;
};

/** What opens its part with it. */
export type Opening = {
  readonly config: AggregatorConfig;
  readonly platform: AggregatorPlatform;
  readonly metrics: Metrics;
  readonly parts: Disposals;
};
