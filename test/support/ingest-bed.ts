import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type CertifiedPeer, ingestHandlers } from "../../aggregator/ingest/grpc-handler.ts";
import { IngestService } from "../../aggregator/ingest/ingest-service.ts";
import { openSeriesStore, type SeriesStore } from "../../aggregator/series/series-store.ts";
import { openLevelStore } from "../../shared/platform/level-store.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../../shared/wire/proto.ts";
import { MemoryLogger } from "./memory-logger.ts";

const LEVEL = { cacheBytes: 1024 ** 2, writeBufferBytes: 1024 ** 2 };
const SERIES = {
  retentionMs: 86_400_000,
  futureLimitMs: 600_000,
  chunkMs: 600_000,
  commitDelayMs: 3,
};
const nothing = () => {};
const EVENTS = {
  connected: nothing,
  committed: nothing,
  accounted: nothing,
  droppedRanges: nothing,
  clockMeasured: nothing,
  goodbye: nothing,
  disconnected: nothing,
};
const OPTIONS = { windowFrames: 64 };

/** The part of an aggregator that takes the agents' streams, with a real port and a real store. */
export class IngestBed implements AsyncDisposable {
  readonly directory: string;
  readonly series: SeriesStore;
  readonly port: number;
  readonly #metrics: Metrics;
  readonly #parts: { readonly server: Server; readonly service: IngestService };

  private constructor(
    place: { directory: string; port: number },
    series: SeriesStore,
    metrics: Metrics,
    parts: { server: Server; service: IngestService },
  ) {
    this.directory = place.directory;
    this.port = place.port;
    this.series = series;
    this.#metrics = metrics;
    this.#parts = parts;
  }

  static async open(
    certified: ((peer: string) => CertifiedPeer | null) | null = null,
  ): Promise<IngestBed> {
    const directory = await mkdtemp(join(tmpdir(), "telltale-ingest-"));
    const logger = new MemoryLogger();
    const metrics = new Metrics();
    const deps = { clock: nodeClock, logger, metrics };
    const series = await openLevelStore(
      join(directory, "series"),
      LEVEL,
      () => {},
      (store) => openSeriesStore({ ...deps, store }, SERIES),
    );
    const service = new IngestService({ ...deps, store: series, events: EVENTS }, OPTIONS);
    const server = new Server({ "grpc.max_receive_message_length": MESSAGE_BYTES_MAX });
    server.addService(loadTelltale().v1.Ingest.service, ingestHandlers(service, certified));
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    return new IngestBed({ directory, port }, series, metrics, { server, service });
  }

  metricsPage(): string {
    return expositionText(this.#metrics.samples());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.server.forceShutdown();
    await this.#parts.service[Symbol.asyncDispose]();
    await this.series.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
