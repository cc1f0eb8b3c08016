import { OperationalError } from "../../../shared/errors.ts";
import { nodeClock } from "../../../shared/platform/node.ts";
import type {
  AgentMessage,
  AgentMessage__Output,
} from "../../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type {
  AggregatorMessage,
  AggregatorMessage__Output,
} from "../../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type {
  AgentConnection,
  AggregatorConnection,
} from "../../../shared/wire/ingest-connection.ts";
import { loadTelltale } from "../../../shared/wire/proto.ts";
import { never } from "../../support/memory-store.ts";
import { Pipe, type PipeOptions } from "../../support/pipe.ts";

const { Stream: method } = loadTelltale().v1.Ingest.service;

const AT_ONCE: PipeOptions = {
  clock: nodeClock,
  open: async () => {},
  latencyMs: () => 0,
  roomItems: Number.POSITIVE_INFINITY,
};

/** Two joined ends of a stream; messages cross at once, as the bytes gRPC would send. */
export class MemoryConnection {
  readonly agent: AgentConnection;
  readonly aggregator: AggregatorConnection;
  /** While it is set nothing more comes down to the agent, and the aggregator's `send` waits. */
  isStuck = false;
  /** What the aggregator closed with: null for a plain end, undefined while it has not. */
  closedWith: Error | null | undefined;
  readonly #pipes: readonly Pipe<Buffer>[];

  constructor(peer = "agent:1") {
    const up = new Pipe<Buffer>(AT_ONCE);
    const down = new Pipe<Buffer>(this.#downOptions());
    this.#pipes = [up, down];
    this.agent = {
      peer: "aggregator:7070",
      send: (message: AgentMessage) => up.write(method.requestSerialize(message)),
      messages: decoded(down, (bytes) => method.responseDeserialize(bytes)),
      close: (error) => {
        up.end(null);
        if (error !== undefined) cut(down, error);
      },
    };
    this.aggregator = {
      peer,
      send: (message: AggregatorMessage) => down.write(method.responseSerialize(message)),
      messages: decoded(up, (bytes) => method.requestDeserialize(bytes)),
      close: (error) => {
        if (this.closedWith === undefined) this.closedWith = error ?? null;
        down.end(error ?? null);
        if (error !== undefined) cut(up, error);
      },
    };
  }

  /** The network goes: what is on its way is lost, both sides learn of it. */
  cut(): void {
    const lost = new OperationalError("UNAVAILABLE", "the connection is lost");
    for (const pipe of this.#pipes) cut(pipe, lost);
  }

  #downOptions(): PipeOptions {
    const isStuck = () => this.isStuck;
    return {
      ...AT_ONCE,
      open: async () => (isStuck() ? never() : undefined),
      get roomItems() {
        return isStuck() ? 1 : AT_ONCE.roomItems;
      },
    };
  }
}

function cut(pipe: Pipe<Buffer>, error: Error): void {
  pipe.breakReader(error);
  pipe.breakWriter(error);
}

async function* decoded<T extends AgentMessage__Output | AggregatorMessage__Output>(
  pipe: Pipe<Buffer>,
  decode: (bytes: Buffer) => T,
): AsyncGenerator<T> {
  for await (const bytes of pipe.read()) yield decode(bytes);
}
