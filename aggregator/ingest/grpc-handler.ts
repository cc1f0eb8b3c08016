import { addAbortListener } from "node:events";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { IngestHandlers } from "../../shared/wire/generated/telltale/v1/Ingest.ts";
import { statusOf } from "../../shared/wire/grpc-answer.ts";
import type { AggregatorConnection } from "../../shared/wire/ingest-connection.ts";

type Call = ServerDuplexStream<AgentMessage__Output, AggregatorMessage>;

export type StreamServer = {
  serve(connection: AggregatorConnection): Promise<void>;
  refuse(connection: AggregatorConnection, fault: OperationalError): void;
};

/** Whom a peer's certificate is for, and a signal that is aborted when it is no longer good. */
export type CertifiedPeer = { readonly node: string; readonly ended: AbortSignal };

/**
 * The gRPC service telltale.v1.Ingest.
 * @param certified null: nobody is asked for a certificate. What it gives null for is refused
 */
export function ingestHandlers(
  server: StreamServer,
  certified: ((peer: string) => CertifiedPeer | null) | null = null,
): IngestHandlers {
  const serve = async (call: Call) => {
    const peer = certified === null ? undefined : certified(call.getPeer());
    const connection = new GrpcConnection(call, peer?.node);
    if (peer === null) {
      const fault = new OperationalError("UNAUTHENTICATED", "The certificate is no longer good");
      server.refuse(connection, fault);
      return;
    }
    using _end = peer && addAbortListener(peer.ended, () => connection.close(peer.ended.reason));
    await server.serve(connection);
  };
  return { Stream: (call) => void serve(call) };
}

class GrpcConnection implements AggregatorConnection {
  readonly peer: string;
  readonly certifiedNode?: string;
  readonly messages: AsyncIterable<AgentMessage__Output>;
  readonly #call: Call;
  #isOver = false;
  /** Lets a send that waits for room go on. */
  #wake = () => {};

  constructor(call: Call, certifiedNode?: string) {
    this.peer = call.getPeer();
    if (certifiedNode !== undefined) this.certifiedNode = certifiedNode;
    this.#call = call;
    this.messages = readMessages(call, this.peer);
    call.on("error", () => {}); // `messages` reports it
    call.on("drain", () => this.#wake());
    call.on("cancelled", () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** One at a time. */
  async send(message: AggregatorMessage): Promise<void> {
    if (this.#isOver) throw this.#lost();
    if (this.#call.write(message)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#isOver) throw this.#lost();
  }

  close(error?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#wake();
    if (error === undefined) {
      this.#call.end();
      return;
    }
    const status = statusOf(error);
    this.#call.emit("error", Object.assign(new Error(status.details), status));
  }

  #lost(): OperationalError {
    return new OperationalError("UNAVAILABLE", `${this.peer}: the connection is gone`);
  }
}

async function* readMessages(call: Call, peer: string): AsyncGenerator<AgentMessage__Output> {
  try {
    yield* call;
  } catch (error) {
    throw new OperationalError("UNAVAILABLE", `${peer}: ${errorMessage(error)}`, { cause: error });
  }
}
