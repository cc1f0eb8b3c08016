import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ingestHandlers } from "../../aggregator/ingest/grpc-handler.ts";
import { IngestService } from "../../aggregator/ingest/ingest-service.ts";
import { type LineLog, openLineLog } from "../../aggregator/logs/line-log.ts";
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
  pause: async () => {},
};
const nothing = () => {};

type Certified = Parameters<typeof ingestHandlers>[1];

/** The part of an aggregator that takes the agents' streams, with a real port and a real store. */
export class IngestBed implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "telltale-ingest-"));
  /** What the fleet hears, frames left out. */
  readonly heard: string[] = [];
  port = 0;
  series = undefined as unknown as SeriesStore; // `start` sets these
  lines = undefined as unknown as LineLog;
  #server = undefined as unknown as Server;
  #service = undefined as unknown as IngestService;
  #metrics = new Metrics();
  readonly #certified: Certified;

  private constructor(certified: Certified) {
    this.#certified = certified;
  }

  static async open(certified: Certified = null): Promise<IngestBed> {
    const bed = new IngestBed(certified);
    await bed.start();
    return bed;
  }

  /** Also after a kill: on the same port and disk. */
  async start(): Promise<void> {
    this.#metrics = new Metrics();
    const deps = { clock: nodeClock, logger: new MemoryLogger(), metrics: this.#metrics };
    const place = join(this.directory, "series");
    this.series = await openLevelStore(place, LEVEL, nothing, (store) =>
      openSeriesStore({ ...deps, store }, SERIES),
    );
    const events = {
      isNode: () => false,
      connected: (node: string) => this.heard.push(`connected ${node}`),
      committed: nothing,
      accounted: nothing,
      droppedRanges: nothing,
      clockMeasured: nothing,
      targetsTold: nothing,
      goodbye: (node: string) => this.heard.push(`goodbye ${node}`),
      disconnected: (node: string) => this.heard.push(`disconnected ${node}`),
    };
    this.lines = await openLevelStore(join(this.directory, "logs"), LEVEL, nothing, (store) =>
      openLineLog({ ...deps, store }),
    );
    const options = { windowFrames: 64 };
    const logs = { store: this.lines, events };
    this.#service = new IngestService({ ...deps, store: this.series, events, logs }, options);
    this.#server = new Server({ "grpc.max_receive_message_length": MESSAGE_BYTES_MAX });
    const handlers = ingestHandlers(this.#service, this.#certified);
    this.#server.addService(loadTelltale().v1.Ingest.service, handlers);
    const bind = promisify(this.#server.bindAsync.bind(this.#server));
    this.port = await bind(`127.0.0.1:${this.port}`, ServerCredentials.createInsecure());
  }

  /** Connections break, the store is closed between two writes. */
  async kill(): Promise<void> {
    this.#server.forceShutdown();
    await this.#service[Symbol.asyncDispose]();
    await this.series.close();
    await this.lines.close();
  }

  metricsPage(): string {
    return expositionText(this.#metrics.samples());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}
