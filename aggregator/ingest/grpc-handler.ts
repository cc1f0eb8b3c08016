import type { ServerDuplexStream } from "@grpc/grpc-js";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { IngestHandlers } from "../../shared/wire/generated/telltale/v1/Ingest.ts";
import { grpcStatus } from "../../shared/wire/grpc-status.ts";
import type { AggregatorConnection } from "../../shared/wire/ingest-connection.ts";

/** Text of a status, at most: it travels in a header. */
const DETAILS_LENGTH_MAX = 1024;

type Call = ServerDuplexStream<AgentMessage__Output, AggregatorMessage>;

export type StreamServer = { serve(connection: AggregatorConnection): Promise<void> };

/** The gRPC service telltale.v1.Ingest. */
export function ingestHandlers(server: StreamServer): IngestHandlers {
  return {
    Stream: (call) => {
      void server.serve(new GrpcConnection(call));
    },
  };
}

class GrpcConnection implements AggregatorConnection {
  readonly peer: string;
  readonly messages: AsyncIterable<AgentMessage__Output>;
  readonly #call: Call;
  #isOver = false;
  /** Lets a send that waits for room go on. */
  #wake = () => {};

  constructor(call: Call) {
    this.peer = call.getPeer();
    this.#call = call;
    this.messages = readMessages(call, this.peer);
    call.on("error", () => {}); // `messages` tells of it
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
    if (error === undefined) this.#call.end();
    else this.#call.emit("error", statusOf(error));
  }

  #lost(): OperationalError {
    return new OperationalError("UNAVAILABLE", `${this.peer}: the connection is gone`);
  }
}

/** What grpc-js makes a status of. A fault of ours is told without its text. */
function statusOf(error: Error): Error {
  const told =
    error instanceof OperationalError ? error : new OperationalError("STORAGE", "Internal error");
  const details = told.message.slice(0, DETAILS_LENGTH_MAX);
  return Object.assign(new Error(details), { code: grpcStatus(told.code), details });
}

async function* readMessages(call: Call, peer: string): AsyncGenerator<AgentMessage__Output> {
  try {
    yield* call;
  } catch (error) {
    throw new OperationalError("UNAVAILABLE", `${peer}: ${errorMessage(error)}`, { cause: error });
  }
}
