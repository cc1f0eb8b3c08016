import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import type { SeriesDefinition } from "../shared/model/series-definition.ts";
import { type FrameHeader, readFrameHeader } from "../shared/wire/frame-decoder.ts";
import type { AgentMessage__Output } from "../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { Hello__Output } from "../shared/wire/generated/telltale/v1/Hello.ts";
import type { Series__Output } from "../shared/wire/generated/telltale/v1/Series.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../shared/wire/proto.ts";

/** What an agent said, in order, as it left it. */
export type Spoken =
  | { readonly kind: "hello"; readonly hello: Hello__Output }
  | { readonly kind: "series"; readonly epoch: number; readonly series: SeriesDefinition[] }
  | { readonly kind: "frame"; readonly header: FrameHeader; readonly bytes: Uint8Array };

type Call = ServerDuplexStream<AgentMessage__Output, AggregatorMessage>;

/** An aggregator to an agent that keeps what it is told, in memory, and acks all of it. */
export class CaptureServer implements AsyncDisposable {
  readonly spoken: Spoken[] = [];
  readonly #server = new Server({ "grpc.max_receive_message_length": MESSAGE_BYTES_MAX });
  #tell: (one: Spoken) => void = () => {};
  port = 0;

  static async open(): Promise<CaptureServer> {
    const capture = new CaptureServer();
    const server = capture.#server;
    server.addService(loadTelltale().v1.Ingest.service, {
      Stream: (call: Call) => capture.#serve(call),
    });
    capture.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return capture;
  }

  /** From now on `tell` gets all that is said. */
  follow(tell: (one: Spoken) => void): void {
    this.#tell = tell;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }

  #serve(call: Call): void {
    call.on("error", () => {});
    call.on("end", () => call.end());
    call.on("data", ({ hello, series, frames }: AgentMessage__Output) => {
      if (hello) {
        this.#keep({ kind: "hello", hello });
        const fresh = { lastSeq: 0, epoch: 0, seriesKnown: 0, windowFrames: 512 };
        call.write({ welcome: { ...fresh, nowMs: Date.now(), aggregatorVersion: "capture" } });
      }
      if (series) {
        const definitions = series.series.map(definitionOf);
        this.#keep({ kind: "series", epoch: series.epoch, series: definitions });
      }
      for (const bytes of frames?.frame ?? []) {
        const header = readFrameHeader(bytes);
        this.#keep({ kind: "frame", header, bytes });
        call.write({ ack: { seq: header.seq } });
      }
    });
  }

  #keep(one: Spoken): void {
    this.spoken.push(one);
    this.#tell(one);
  }
}

function definitionOf({ id, group, scale, labels }: Series__Output): SeriesDefinition {
  return { id, group, scale, labels };
}
