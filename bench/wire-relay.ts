import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { TargetBook } from "../agent/model/target-book.ts";
import { grpcConnect } from "../agent/uplink/grpc-connect.ts";
import { type FrameBuffer, metricsKind, type WaitingFrame } from "../agent/uplink/metrics-kind.ts";
import { runUplink } from "../agent/uplink/uplink.ts";
import { ingestHandlers } from "../aggregator/ingest/grpc-handler.ts";
import { IngestService } from "../aggregator/ingest/ingest-service.ts";
import type { IngestEvents } from "../aggregator/ingest/ports.ts";
import { openSeriesStore, type SeriesStore } from "../aggregator/series/series-store.ts";
import type { SeriesDefinition } from "../shared/model/series-definition.ts";
import { openLevelStore } from "../shared/platform/level-store.ts";
import { nodeClock } from "../shared/platform/node.ts";
import type { Logger } from "../shared/platform/ports.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { ChangeSignal } from "../shared/time/change-signal.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../shared/wire/proto.ts";
import type { Certificate } from "./self-signed.ts";
import type { Spoken } from "./wire-capture.ts";

const NO_EVENTS: IngestEvents = {
  isNode: () => false,
  connected: () => {},
  committed: () => {},
  accounted: () => {},
  droppedRanges: () => {},
  clockMeasured: () => {},
  targetsTold: () => {},
  goodbye: () => {},
  disconnected: () => {},
};

/** Only what is wrong. */
const LOGGER: Logger = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  error: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};

/** What another agent said, as the uplink's queue: nothing is forgotten. */
export class SpokenBuffer implements FrameBuffer {
  readonly streamId = "0123456789abcdef0123456789abcdef";
  readonly #frames: WaitingFrame[] = [];
  readonly #definitions = new Map<number, SeriesDefinition[]>();
  readonly #changes = new ChangeSignal();
  oldestSeq = 0;
  newestSeq = 0;
  handedOutSeq = 0;
  ackedSeq = 0;
  dropCount = 0;

  add(one: Spoken): void {
    if (one.kind === "series") {
      this.#definitions.set(one.epoch, [
        ...(this.#definitions.get(one.epoch) ?? []),
        ...one.series,
      ]);
    } else if (one.kind === "frame") {
      const { seq, seriesCount } = one.header;
      this.#frames.push({ seq, seriesCount, bytes: one.bytes });
      this.oldestSeq ||= seq;
      this.newestSeq = seq;
      this.#changes.notify();
    }
  }

  async read(afterSeq: number, framesMax: number): Promise<readonly WaitingFrame[]> {
    let from = this.#frames.length;
    while ((this.#frames[from - 1]?.seq ?? 0) > afterSeq) from -= 1;
    const frames = this.#frames.slice(from, from + framesMax);
    this.handedOutSeq = Math.max(this.handedOutSeq, frames.at(-1)?.seq ?? 0);
    return frames;
  }

  async definitions(epoch: number, fromId: number, toId: number) {
    return (this.#definitions.get(epoch) ?? []).slice(fromId, toId);
  }

  async ack(seq: number): Promise<void> {
    this.ackedSeq = Math.max(this.ackedSeq, seq);
  }

  dropped(): void {
    this.dropCount += 1;
  }

  get accounts() {
    const made = this.#frames.length;
    return { made, stored: 0, waiting: made, dropped: [], settledSeq: 0 };
  }

  droppedRanges(): [] {
    return [];
  }

  rangesReported(): void {}

  async renewStream(): Promise<void> {
    throw new Error("The aggregator knows this stream already");
  }

  async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#changes.wait();
  }
}

/** A series store on the disk, as the aggregator opens it. */
export async function openStore(directory: string): Promise<SeriesStore> {
  return await openLevelStore(
    directory,
    { cacheBytes: 8 * 1024 ** 2, writeBufferBytes: 8 * 1024 ** 2 },
    () => {},
    async (store) =>
      await openSeriesStore(
        { store, clock: nodeClock, logger: LOGGER, metrics: new Metrics() },
        {
          retentionMs: 86_400_000,
          futureLimitMs: 60_000,
          chunkMs: 600_000,
          commitDelayMs: 3,
          pause: async () => {},
        },
      ),
  );
}

/** The aggregator's ingest over TLS 1.3, with its pings. */
export async function serveIngest(
  store: SeriesStore,
  { key, cert }: Certificate,
): Promise<AsyncDisposable & { readonly port: number }> {
  const ingest = new IngestService(
    {
      store,
      clock: nodeClock,
      logger: LOGGER,
      metrics: new Metrics(),
      events: NO_EVENTS,
      logs: null,
    },
    { windowFrames: 512 },
  );
  const server = new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5000,
  });
  server.addService(loadTelltale().v1.Ingest.service, ingestHandlers(ingest));
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createSsl(null, [pair]), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const close = async () => {
    server.forceShutdown();
    await ingest[Symbol.asyncDispose]();
  };
  return { port, [Symbol.asyncDispose]: close };
}

/** The agent's uplink from `buffer` to a port of this machine, over TLS. */
export async function runTlsUplink(
  buffer: FrameBuffer,
  port: number,
  { cert }: Certificate,
  signal: AbortSignal,
): Promise<void> {
  const security = { credentials: credentials.createSsl(Buffer.from(cert)), options: {} };
  const destination = {
    name: "proxy",
    connect: grpcConnect({ host: "localhost", port }, () => security),
    probe: async () => true,
  };
  await runUplink(
    {
      buffer,
      kind: metricsKind(buffer, new TargetBook()),
      destinations: [destination],
      clock: nodeClock,
      random: () => 0.5,
      logger: LOGGER,
      metrics: new Metrics(),
    },
    {
      node: "n1",
      agentVersion: "bench",
      intervalMs: 1000,
      policy: { kind: "pick_first", weights: null },
    },
    signal,
  );
}
