import { promisify } from "node:util";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { readFrameHeader } from "../../shared/wire/frame-decoder.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../../shared/wire/proto.ts";

/** An aggregator to an agent that keeps nothing, and acks all frames. */
export class CaptureServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** @param heard gets all that an agent says, in order */
  static async open(
    address: string,
    heard: (message: AgentMessage__Output) => void,
  ): Promise<CaptureServer> {
    const server = new Server({ "grpc.max_receive_message_length": MESSAGE_BYTES_MAX });
    server.addService(loadTelltale().v1.Ingest.service, {
      Stream: (call: ServerDuplexStream<AgentMessage__Output, AggregatorMessage>) => {
        call.on("error", () => {});
        call.on("end", () => call.end());
        call.on("data", (message: AgentMessage__Output) => {
          heard(message);
          for (const answer of answersTo(message)) call.write(answer);
        });
      },
    });
    const bind = promisify(server.bindAsync.bind(server));
    return new CaptureServer(server, await bind(address, ServerCredentials.createInsecure()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

function answersTo({ hello, frames }: AgentMessage__Output): AggregatorMessage[] {
  if (hello) {
    return [{ welcome: { windowFrames: 512, nowMs: Date.now(), aggregatorVersion: "capture" } }];
  }
  return (frames?.frame ?? []).map((bytes) => ({ ack: { seq: readFrameHeader(bytes).seq } }));
}
